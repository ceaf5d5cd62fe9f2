import { type handleUnaryCall, status } from "@grpc/grpc-js";
import pluginMessages from "@pulumi/pulumi/proto/plugin_pb.js";
import type { IResourceProviderServer } from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import messages from "@pulumi/pulumi/proto/provider_pb.js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import type struct from "google-protobuf/google/protobuf/struct_pb.js";
import { CallLog } from "./log.ts";
import { fromStruct, marshal, toStruct, unmarshal } from "./marshal.ts";
import type { Plugin } from "./plugin.ts";
import type { Request, Response, WithMaps } from "./property-messages.ts";
import type { Call, CheckFailure, DiffResult, PropertyDiff, Provider, ResourceType } from "./provider.ts";
import { Secrets } from "./secrets.ts";
import { Refusal, toStatus } from "./status.ts";
import { type PropertyMap, type PropertyValue, Secret, Unknown } from "./values.ts";

/** The common part of every request about one resource. */
interface ResourceRequest {
  getUrn(): string;
  getType(): string;
}

type Service = Omit<
  IResourceProviderServer,
  | "call"
  | "construct"
  | "parameterize"
  | "list"
  | "getMapping"
  | "getMappings"
  | "check"
  | "diff"
  | "create"
  | "update"
  | "read"
  | "delete"
> & {
  check: handleUnaryCall<Request<"check", messages.CheckRequest>, Response<"check", messages.CheckResponse>>;
  diff: handleUnaryCall<Request<"diff", messages.DiffRequest>, Response<"diff", messages.DiffResponse>>;
  create: handleUnaryCall<Request<"create", messages.CreateRequest>, Response<"create", messages.CreateResponse>>;
  update: handleUnaryCall<Request<"update", messages.UpdateRequest>, Response<"update", messages.UpdateResponse>>;
  read: handleUnaryCall<Request<"read", messages.ReadRequest>, Response<"read", messages.ReadResponse>>;
  delete: handleUnaryCall<Request<"delete", messages.DeleteRequest>, Response<"delete", empty.Empty>>;
};

/**
 * The ResourceProvider service (the SDK's proto/provider.proto) of a provider. The gRPC library answers calls that are not in
 * `Service` with Unimplemented.
 */
export function createService(provider: Provider, plugin: Plugin): Service {
  const secrets = new Secrets();
  let configured = false;

  const learn = (properties: PropertyMap): PropertyMap => {
    secrets.learn(properties);
    return properties;
  };
  const decode = (map: Uint8Array | undefined) => learn(unmarshal(map));
  const encode = (properties: PropertyMap) => marshal(learn(properties));
  const decodeStruct = (message: struct.Struct | undefined) => learn(fromStruct(message));
  const encodeStruct = (properties: PropertyMap) => toStruct(learn(properties));

  function answer<Request, Response>(
    work: (request: Request, signal: AbortSignal) => Response | Promise<Response>,
  ): handleUnaryCall<Request, Response> {
    return (call, callback) => {
      const hungUp = new AbortController();
      call.on("cancelled", () => hungUp.abort(new Error("cancelled")));
      const signal = AbortSignal.any([plugin.signal, hungUp.signal]);
      Promise.resolve()
        .then(() => work(call.request, signal))
        .then((response) => callback(null, response))
        // Twice: the outputs of a partial failure can be impossible to encode.
        .catch((error: unknown) => callback(toStatus(error, secrets)))
        .catch((error: unknown) => callback(toStatus(error, secrets)));
    };
  }

  function answerAbout<Message extends ResourceRequest, Name extends string, Answer>(
    work: (type: ResourceType, call: Call, request: WithMaps<Message, Name>) => Promise<Answer>,
  ): handleUnaryCall<WithMaps<Message, Name>, Answer> {
    return answer(async (request, signal) => {
      ready(signal);
      const urn = request.message.getUrn();
      const type = find(provider.resources, request.message.getType() || typeIn(urn), "resource type");
      const log = new CallLog(plugin.engine, urn, secrets);
      try {
        return await work(type, { urn, name: nameIn(urn), report: log, signal }, request);
      } finally {
        await log.flush();
      }
    });
  }

  function ready(signal: AbortSignal): void {
    if (signal.aborted) throw new Refusal(status.CANCELLED, "cancelled");
    if (!configured) throw new Refusal(status.FAILED_PRECONDITION, `the provider ${provider.name} is not configured`);
  }

  function find<T>(table: Record<string, T> | undefined, token: string, kind: string): T {
    if (table && Object.hasOwn(table, token)) return table[token] as T;
    const known = Object.keys(table ?? {}).join(", ") || "none";
    throw new Refusal(
      status.INVALID_ARGUMENT,
      `the provider ${provider.name} has no ${kind} ${token} (it has: ${known})`,
    );
  }

  return {
    handshake: answer((request) => {
      plugin.attach(request.getEngineAddress());
      return new messages.ProviderHandshakeResponse().setAcceptSecrets(true);
    }),

    attach: answer((request) => {
      plugin.attach(request.getAddress());
      return new empty.Empty();
    }),

    getPluginInfo: answer(() => new pluginMessages.PluginInfo().setVersion(provider.version)),

    getSchema: answer(async (request) => {
      if (request.getVersion() !== 0) {
        throw new Refusal(
          status.INVALID_ARGUMENT,
          `there is no schema of version ${request.getVersion()}, only of version 0`,
        );
      }
      return new messages.GetSchemaResponse().setSchema(JSON.stringify(await provider.schema()));
    }),

    checkConfig: answer(async (request) => {
      const checked = await provider.checkConfig(decodeStruct(request.getNews()));
      // The engine sends the configuration without secret marks: any value can be a secret.
      const failures = withoutValues(checked.failures ?? [], () => true);
      return new messages.CheckResponse()
        .setInputs(encodeStruct(checked.inputs))
        .setFailuresList(toFailures(failures, secrets));
    }),

    // A configuration change must not replace the provider and all its resources: the engine compares the inputs.
    diffConfig: answer(() => new messages.DiffResponse().setChanges(messages.DiffResponse.DiffChanges.DIFF_UNKNOWN)),

    configure: answer(async (request) => {
      const variables = fromVariables([...request.getVariablesMap().entries()]);
      const config = request.hasArgs() ? decodeStruct(request.getArgs()) : variables;
      const missing = Object.keys(config).filter((key) => holdsUnknown(config[key] ?? null));
      if (missing.length > 0) {
        // The engine makes no resource call until all of it is known (provider_plugin.go, pluginConfig.known).
        throw new Refusal(status.FAILED_PRECONDITION, `the configuration is not known yet: ${missing.join(", ")}`);
      }
      await provider.configure(config, variables);
      configured = true;
      return new messages.ConfigureResponse().setAcceptsecrets(true).setSupportspreview(true);
    }),

    check: answerAbout(async (type, call, { message, maps }) => {
      const olds = decode(maps.olds);
      const news = decode(maps.news);
      const checked = await type.check(call, {
        // The engine sends an empty map for a new resource.
        ...(Object.keys(olds).length > 0 && { olds }),
        news,
        randomSeed: message.getRandomseed_asU8(),
      });
      const isHidden = (property: string) =>
        [news, checked.inputs].some((map) => {
          const value = map[property] ?? null;
          return value === null || value instanceof Unknown || holdsSecret(value);
        });
      const failures = withoutValues(checked.failures ?? [], isHidden);
      return {
        message: new messages.CheckResponse().setFailuresList(toFailures(failures, secrets)),
        maps: { inputs: encode(checked.inputs) },
      };
    }),

    diff: answerAbout(async (type, call, { message, maps }) => {
      const result = await type.diff(call, {
        id: message.getId(),
        olds: decode(maps.olds),
        oldInputs: decode(maps.oldInputs),
        news: decode(maps.news),
        ignoreChanges: message.getIgnorechangesList(),
      });
      return { message: toDiff(result), maps: {} };
    }),

    create: answerAbout(async (type, call, { message, maps }) => {
      const created = await type.create(call, {
        inputs: decode(maps.properties),
        preview: message.getPreview(),
        timeout: message.getTimeout(),
      });
      return {
        message: new messages.CreateResponse().setId(created.id),
        maps: { properties: encode(created.outputs) },
      };
    }),

    update: answerAbout(async (type, call, { message, maps }) => {
      const updated = await type.update(call, {
        id: message.getId(),
        olds: decode(maps.olds),
        oldInputs: decode(maps.oldInputs),
        news: decode(maps.news),
        preview: message.getPreview(),
        timeout: message.getTimeout(),
      });
      return { message: new messages.UpdateResponse(), maps: { properties: encode(updated.outputs) } };
    }),

    read: answerAbout(async (type, call, { message, maps }) => {
      const found = await type.read(call, {
        id: message.getId(),
        inputs: decode(maps.inputs),
        olds: decode(maps.properties),
      });
      // A response without an id means that the resource no longer exists.
      if (!found) return { message: new messages.ReadResponse(), maps: {} };
      return {
        message: new messages.ReadResponse().setId(found.id),
        maps: { inputs: encode(found.inputs), properties: encode(found.outputs) },
      };
    }),

    delete: answerAbout(async (type, call, { message, maps }) => {
      await type.delete(call, {
        id: message.getId(),
        olds: decode(maps.properties),
        oldInputs: decode(maps.oldInputs),
        timeout: message.getTimeout(),
      });
      return { message: new empty.Empty(), maps: {} };
    }),

    invoke: answer(async (request, signal) => {
      ready(signal);
      const run = find(provider.functions, request.getTok(), "function");
      const answered = await run(decodeStruct(request.getArgs()), { preview: request.getPreview(), signal });
      return "failures" in answered
        ? new messages.InvokeResponse().setFailuresList(toFailures(answered.failures, secrets))
        : new messages.InvokeResponse().setReturn(encodeStruct(answered.result));
    }),

    cancel: answer(async () => {
      await plugin.cancel();
      return new empty.Empty();
    }),
  };
}

/** `urn:pulumi:stack::project::parent$type::name`; the name can contain `::`. */
function nameIn(urn: string): string {
  return urn.split("::").slice(3).join("::");
}

function typeIn(urn: string): string {
  return urn.split("::")[2]?.split("$").at(-1) ?? "";
}

/** Decodes the older form of the configuration: `pkg:config:key` to text. */
function fromVariables(variables: [string, string][]): Record<string, string> {
  return Object.fromEntries(variables.map(([key, value]) => [key.split(":").slice(2).join(":"), value]));
}

function holdsUnknown(value: PropertyValue): boolean {
  if (value instanceof Unknown) return true;
  if (value instanceof Secret) return holdsUnknown(value.value);
  return typeof value === "object" && value !== null && Object.values(value).some(holdsUnknown);
}

function holdsSecret(value: PropertyValue): boolean {
  return (
    value instanceof Secret || (typeof value === "object" && value !== null && Object.values(value).some(holdsSecret))
  );
}

/**
 * The engine prints the value of a failed property, even of a secret, and prints `{<nil>}` for a property that is missing, unknown
 * or nested: such a property is named only in the reason.
 */
function withoutValues(failures: CheckFailure[], isHidden: (property: string) => boolean): CheckFailure[] {
  return failures.map(({ property, reason }) =>
    property !== "" && isHidden(property) ? { property: "", reason: `${property}: ${reason}` } : { property, reason },
  );
}

function toFailures(failures: CheckFailure[], secrets: Secrets): messages.CheckFailure[] {
  return failures.map(({ property, reason }) =>
    new messages.CheckFailure().setProperty(property).setReason(secrets.scrub(reason)),
  );
}

const kinds: Record<PropertyDiff["kind"], messages.PropertyDiff.Kind> = {
  add: messages.PropertyDiff.Kind.ADD,
  delete: messages.PropertyDiff.Kind.DELETE,
  update: messages.PropertyDiff.Kind.UPDATE,
};

function toDiff(result: DiffResult): messages.DiffResponse {
  const { DIFF_SOME, DIFF_NONE } = messages.DiffResponse.DiffChanges;
  const response = new messages.DiffResponse()
    .setChanges(result.changes ? DIFF_SOME : DIFF_NONE)
    .setReplacesList(result.replaces ?? [])
    .setDeletebeforereplace(result.deleteBeforeReplace ?? false)
    .setHasdetaileddiff(result.detailed !== undefined);
  for (const [path, { kind, inputDiff }] of Object.entries(result.detailed ?? {})) {
    response.getDetaileddiffMap().set(path, new messages.PropertyDiff().setKind(kinds[kind]).setInputdiff(inputDiff));
  }
  return response;
}
