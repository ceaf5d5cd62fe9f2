import type { ServiceDefinition, UntypedServiceImplementation } from "@grpc/grpc-js";
import service from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import { MessageReader, MessageWriter } from "./protobuf.ts";

/**
 * The property maps (google.protobuf.Struct) of the messages about one resource, as field numbers of the SDK's proto/provider.proto.
 * They are kept as bytes for `marshal` and `unmarshal`; the generated classes read the other fields.
 */
const requests = {
  check: { olds: 2, news: 3, oldOutputs: 9 },
  diff: { olds: 3, news: 4, oldInputs: 6 },
  create: { properties: 2 },
  update: { olds: 3, news: 4, oldInputs: 8 },
  read: { properties: 3, inputs: 4 },
  delete: { properties: 3, oldInputs: 5 },
} as const;
const responses = {
  check: { inputs: 1 },
  diff: {},
  create: { properties: 2 },
  update: { properties: 1 },
  read: { properties: 2, inputs: 3 },
  delete: {},
} as const;

type Method = keyof typeof requests;

/** A message with its property maps, which `message` lacks. */
export interface WithMaps<Message, Name extends string> {
  message: Message;
  /** Encoded; absent if the message has none. */
  maps: Partial<Record<Name, Uint8Array>>;
}

export type Request<M extends Method, Message> = WithMaps<Message, keyof (typeof requests)[M] & string>;
export type Response<M extends Method, Message> = WithMaps<Message, keyof (typeof responses)[M] & string>;

/** The ResourceProvider service, whose methods about one resource take a `Request` and answer with a `Response`. */
export const propertyService: ServiceDefinition<UntypedServiceImplementation> = {
  ...service.ResourceProviderService,
  ...Object.fromEntries((Object.keys(requests) as Method[]).map((method) => [method, definition(method)])),
};

function definition(method: Method): ServiceDefinition[string] {
  const generated = service.ResourceProviderService[method] as ServiceDefinition[string];
  return {
    ...generated,
    requestDeserialize: (bytes) => {
      const { rest, maps } = separate(bytes, requests[method]);
      return { message: generated.requestDeserialize(rest), maps };
    },
    responseSerialize: ({ message, maps }: WithMaps<object, string>) =>
      Buffer.concat([generated.responseSerialize(message), encode(maps, responses[method])]),
  };
}

function separate(bytes: Buffer, fields: Record<string, number>): { rest: Buffer; maps: Record<string, Uint8Array> } {
  const names = new Map(Object.entries(fields).map(([name, field]) => [field, name]));
  const rest: Buffer[] = [];
  const maps: Record<string, Uint8Array> = {};
  const reader = new MessageReader(bytes);
  while (reader.next()) {
    const name = names.get(reader.field);
    if (name === undefined) rest.push(reader.skip());
    else maps[name] = reader.bytes();
  }
  return { rest: Buffer.concat(rest), maps };
}

/** A message with these fields alone; appended to another message of its type, it adds them. */
function encode(maps: Record<string, Uint8Array | undefined>, fields: Record<string, number>): Buffer {
  const writer = new MessageWriter();
  for (const [name, bytes] of Object.entries(maps)) {
    if (bytes) writer.bytes(fields[name] as number, bytes);
  }
  return writer.finish();
}
