import type { Buffer } from "node:buffer";
import struct from "google-protobuf/google/protobuf/struct_pb.js";
import { MessageReader, MessageWriter } from "./protobuf.ts";
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

/** Field numbers of google.protobuf.Struct and Value (google/protobuf/struct.proto). */
const entry = { field: 1, key: 1, value: 2 };
const kind = { null: 1, number: 2, string: 3, bool: 4, struct: 5, list: 6 };
const item = 1;

/** Encodes properties as a google.protobuf.Struct. Throws for the name `__proto__`, which Pulumi's SDK would drop. */
export function marshal(properties: PropertyMap): Buffer {
  const writer = new MessageWriter();
  writeMap(writer, properties);
  return writer.finish();
}

/**
 * Decodes a google.protobuf.Struct; no message is an empty map. Throws for values that PropertyValue cannot represent.
 */
export function unmarshal(message: Uint8Array | undefined): PropertyMap {
  return message ? readMap(new MessageReader(message), []) : {};
}

/** As `marshal`, for the generated classes of small messages. */
export function toStruct(properties: PropertyMap): struct.Struct {
  return struct.Struct.deserializeBinary(marshal(properties));
}

/** As `unmarshal`, for the generated classes of small messages. */
export function fromStruct(message: struct.Struct | undefined): PropertyMap {
  return unmarshal(message?.serializeBinary());
}

function writeMap(writer: MessageWriter, properties: PropertyMap): void {
  for (const [key, value] of Object.entries(properties).reverse()) {
    if (key === "__proto__") {
      throw new Error('the name "__proto__" cannot be used for a property: rename the object');
    }
    // An undefined property is absent, as in JSON.
    if (value === undefined) continue;
    writer.message(entry.field, () => {
      writer.message(entry.value, () => writeValue(writer, value));
      writer.string(entry.key, key);
    });
  }
}

function writeValue(writer: MessageWriter, value: PropertyValue): void {
  if (value === null) writer.bool(kind.null, false);
  else if (typeof value === "boolean") writer.bool(kind.bool, value);
  else if (typeof value === "number") writer.double(kind.number, value);
  else if (typeof value === "string") writer.string(kind.string, value);
  else if (value instanceof Unknown) writer.string(kind.string, unknownString);
  else if (value instanceof Secret) {
    const marked = { [signatureKey]: signatures.secret, value: value.value };
    writer.message(kind.struct, () => writeMap(writer, marked));
  } else if (Array.isArray(value)) {
    writer.message(kind.list, () => {
      for (let at = value.length - 1; at >= 0; at--) {
        writer.message(item, () => writeValue(writer, value[at] as PropertyValue));
      }
    });
  } else writer.message(kind.struct, () => writeMap(writer, value));
}

/**
 * Keys are sorted: the engine writes the entries of a map in random order, and what is made of a map must not depend on it.
 *
 * @param path for errors
 */
function readMap(reader: MessageReader, path: (string | number)[]): PropertyMap {
  const entries: [string, PropertyValue][] = [];
  while (reader.next()) {
    if (reader.field !== entry.field) reader.skip();
    else entries.push(readEntry(reader.message(), path));
  }
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function readEntry(reader: MessageReader, path: (string | number)[]): [string, PropertyValue] {
  let key = "";
  let value: PropertyValue = null;
  while (reader.next()) {
    if (reader.field === entry.key) key = reader.string();
    else if (reader.field === entry.value) {
      path.push(key);
      value = readValue(reader.message(), path);
      path.pop();
    } else reader.skip();
  }
  return [key, value];
}

function readValue(reader: MessageReader, path: (string | number)[]): PropertyValue {
  let value: PropertyValue = null;
  while (reader.next()) {
    if (reader.field === kind.number) value = reader.double();
    else if (reader.field === kind.string) {
      const text = reader.string();
      value = unknowns.has(text) ? unknown : text;
    } else if (reader.field === kind.bool) value = reader.bool();
    else if (reader.field === kind.struct) value = recover(readMap(reader.message(), path), path);
    else if (reader.field === kind.list) value = readList(reader.message(), path);
    else reader.skip();
  }
  return value;
}

function readList(reader: MessageReader, path: (string | number)[]): PropertyValue[] {
  const values: PropertyValue[] = [];
  while (reader.next()) {
    if (reader.field !== item) reader.skip();
    else {
      path.push(values.length);
      values.push(readValue(reader.message(), path));
      path.pop();
    }
  }
  return values;
}

/** Decodes an object with a signature. */
function recover(object: PropertyMap, path: (string | number)[]): PropertyValue {
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
      throw new Error(
        `${written(path)} is a file (asset or archive), which this provider does not support: use a plain value`,
      );
    case signatures.byteString:
      throw new Error(`${written(path)} has bytes that are not UTF-8: use text`);
    default:
      throw new Error(`${written(path)} has a signature this provider does not know: ${String(signature)}`);
  }
}

/** `services[0].url` */
function written(path: (string | number)[]): string {
  return path.map((part, at) => (typeof part === "number" ? `[${part}]` : at === 0 ? part : `.${part}`)).join("");
}
