import struct from "google-protobuf/google/protobuf/struct_pb.js";
import { type PropertyMap, type PropertyValue, Secret, Unknown, unknown } from "./values.ts";

/** Marks an object as something other than a plain map (Pulumi SDK: sdk/go/common/resource/sig). */
const signatureKey = "4dabf18193072939515e22adb298388d";
const signatures = {
  secret: "1b47061264138c4ac30d75fd1eb44270",
  outputValue: "d0e6a833031e9bbcd3f4e8bde6ca49a4",
  resourceReference: "5cf8f73096256a8f31e491e813e4eb8e",
  byteString: "803fd3297a5875dc03ca845dda5d2a98",
  asset: "c44067f5952c0a294b673a41bacd8c17",
  archive: "0def7320c3a5731c473e5ecbe6d01bc7",
};

/** Represents an unknown string on the wire; the engine accepts it as an unknown value of any type. */
const unknownString = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
/** The strings that represent unknown values, one per type (Pulumi SDK: sdk/go/common/resource/plugin/rpc.go). */
const unknowns = new Set([
  unknownString,
  "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7", // boolean
  "3eeb2bf0-c639-47a8-9e75-3b44932eb421", // number
  "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2", // array
  "030794c1-ac77-496b-92df-f27374a8bd58", // asset
  "e48ece36-62e2-4504-bad9-02848725956a", // archive
  "dd056dcd-154b-4c76-9bd3-c8f88648b5ff", // object
]);

/** Encodes properties for the wire. Throws for the name `__proto__`, which the protobuf library would drop. */
export function marshal(properties: PropertyMap): struct.Struct {
  const message = new struct.Struct();
  const fields = message.getFieldsMap();
  for (const [key, value] of Object.entries(properties)) {
    if (key === "__proto__") {
      throw new Error('the name "__proto__" cannot be used for a property: rename the object');
    }
    // An undefined property is absent, as in JSON.
    if (value !== undefined) fields.set(key, marshalValue(value));
  }
  return message;
}

/** Decodes properties from the wire; no message is an empty map. Throws for values that PropertyValue cannot represent. */
export function unmarshal(message: struct.Struct | undefined): PropertyMap {
  return unmarshalFields(message, (key) => key);
}

function unmarshalFields(message: struct.Struct | undefined, pathTo: (key: string) => string): PropertyMap {
  const fields = message ? [...message.getFieldsMap().entries()] : [];
  return Object.fromEntries(fields.map(([key, value]) => [key, unmarshalValue(value, pathTo(key))]));
}

function marshalValue(value: PropertyValue): struct.Value {
  const message = new struct.Value();
  if (value === null) return message.setNullValue(struct.NullValue.NULL_VALUE);
  if (typeof value === "boolean") return message.setBoolValue(value);
  if (typeof value === "number") return message.setNumberValue(value);
  if (typeof value === "string") return message.setStringValue(value);
  if (value instanceof Unknown) return message.setStringValue(unknownString);
  if (value instanceof Secret) {
    return message.setStructValue(marshal({ [signatureKey]: signatures.secret, value: value.value }));
  }
  if (Array.isArray(value)) {
    return message.setListValue(new struct.ListValue().setValuesList(value.map(marshalValue)));
  }
  return message.setStructValue(marshal(value));
}

function unmarshalValue(message: struct.Value, path: string): PropertyValue {
  switch (message.getKindCase()) {
    case struct.Value.KindCase.BOOL_VALUE:
      return message.getBoolValue();
    case struct.Value.KindCase.NUMBER_VALUE:
      return message.getNumberValue();
    case struct.Value.KindCase.STRING_VALUE:
      return unknowns.has(message.getStringValue()) ? unknown : message.getStringValue();
    case struct.Value.KindCase.LIST_VALUE: {
      const values = message.getListValue()?.getValuesList() ?? [];
      return values.map((value, index) => unmarshalValue(value, `${path}[${index}]`));
    }
    case struct.Value.KindCase.STRUCT_VALUE:
      return recover(
        unmarshalFields(message.getStructValue(), (key) => `${path}.${key}`),
        path,
      );
    default:
      return null;
  }
}

/** Decodes an object with a signature. */
function recover(object: PropertyMap, path: string): PropertyValue {
  const signature = object[signatureKey];
  switch (signature) {
    case undefined:
      return object;
    case signatures.secret:
      return new Secret(object.value ?? null);
    case signatures.outputValue: {
      const value = Object.hasOwn(object, "value") ? (object.value ?? null) : unknown;
      return object.secret === true ? new Secret(value) : value;
    }
    case signatures.resourceReference:
      // As the engine does for providers without references: the id of a custom resource, else the URN.
      return object.id === "" ? unknown : (object.id ?? object.urn ?? null);
    case signatures.asset:
    case signatures.archive:
      throw new Error(`${path} is a file (asset or archive), which this provider does not support: use a plain value`);
    case signatures.byteString:
      throw new Error(`${path} has bytes that are not UTF-8: use text`);
    default:
      throw new Error(`${path} has a signature this provider does not know: ${String(signature)}`);
  }
}
