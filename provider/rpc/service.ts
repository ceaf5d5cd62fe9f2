import { type handleUnaryCall, status } from "@grpc/grpc-js";
import pluginMessages from "@pulumi/pulumi/proto/plugin_pb.js";
import type { IResourceProviderServer } from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import messages from "@pulumi/pulumi/proto/provider_pb.js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import type { Struct } from "google-protobuf/google/protobuf/struct_pb.js";
import { CallLog } from "./log.ts";
import { marshal, unmarshal } from "./marshal.ts";
import type { Plugin } from "./plugin.ts";
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
  "call" | "construct" | "parameterize" | "list" | "getMapping" | "getMappings"
>;

/**
 * The ResourceProvider service (the SDK's proto/provider.proto) of a provider. The gRPC library answers calls that are not in
 * `Service` with Unimplemented.
 */
export function createService(provider: Provider, plugin: Plugin): Service {
  const secrets = new Secrets();
  let configured = false;

  const decode = (message: Struct | undefined): PropertyMap => {
    const properties = unmarshal(message);
    secrets.learn(properties);
    return properties;
  };
  const encode = (properties: PropertyMap): Struct => {
    secrets.learn(properties);
    return marshal(properties);
  };

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

  function answerAbout<Request extends ResourceRequest, Response>(
    work: (type: ResourceType, call: Call, request: Request) => Promise<Response>,
  ): handleUnaryCall<Request, Response> {
    return answer(async (request, signal) => {
      ready(signal);
      const urn = request.getUrn();
      const type = find(provider.resources, request.getType() || typeIn(urn), "resource type");
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

    getSchema: answer((request) => {
      if (request.getVersion() !== 0) {
        throw new Refusal(
          status.INVALID_ARGUMENT,
          `there is no schema of version ${request.getVersion()}, only of version 0`,
        );
      }
      return new messages.GetSchemaResponse().setSchema(JSON.stringify(provider.schema()));
    }),

    checkConfig: answer(async (request) => {
      const checked = await provider.checkConfig(decode(request.getNews()));
      // The engine sends the configuration without secret marks: any value can be a secret.
      const failures = withoutValues(checked.failures ?? [], () => true);
      return new messages.CheckResponse()
        .setInputs(encode(checked.inputs))
        .setFailuresList(toFailures(failures, secrets));
    }),

    // A configuration change must not replace the provider and all its resources: the engine compares the inputs.
    diffConfig: answer(() => new messages.DiffResponse().setChanges(messages.DiffResponse.DiffChanges.DIFF_UNKNOWN)),

    configure: answer(async (request) => {
      const variables = fromVariables([...request.getVariablesMap().entries()]);
      const config = request.hasArgs() ? decode(request.getArgs()) : variables;
      const missing = Object.keys(config).filter((key) => holdsUnknown(config[key] ?? null));
      if (missing.length > 0) {
        // The engine makes no resource call until all of it is known (provider_plugin.go, pluginConfig.known).
        throw new Refusal(status.FAILED_PRECONDITION, `the configuration is not known yet: ${missing.join(", ")}`);
      }
      await provider.configure(config, variables);
      configured = true;
      return new messages.ConfigureResponse().setAcceptsecrets(true).setSupportspreview(true);
    }),

    check: answerAbout(async (type, call, request: messages.CheckRequest) => {
      const olds = decode(request.getOlds());
      const news = decode(request.getNews());
      const checked = await type.check(call, {
        // The engine sends an empty map for a new resource.
        ...(Object.keys(olds).length > 0 && { olds }),
        news,
        randomSeed: request.getRandomseed_asU8(),
      });
      const isHidden = (property: string) =>
        [news, checked.inputs].some((map) => {
          const value = map[property] ?? null;
          return value === null || value instanceof Unknown || holdsSecret(value);
        });
      return new messages.CheckResponse()
        .setInputs(encode(checked.inputs))
        .setFailuresList(toFailures(withoutValues(checked.failures ?? [], isHidden), secrets));
    }),

    diff: answerAbout(async (type, call, request: messages.DiffRequest) => {
      const result = await type.diff(call, {
        id: request.getId(),
        olds: decode(request.getOlds()),
        oldInputs: decode(request.getOldInputs()),
        news: decode(request.getNews()),
        ignoreChanges: request.getIgnorechangesList(),
      });
      return toDiff(result);
    }),

    create: answerAbout(async (type, call, request: messages.CreateRequest) => {
      const created = await type.create(call, {
        inputs: decode(request.getProperties()),
        preview: request.getPreview(),
        timeout: request.getTimeout(),
      });
      return new messages.CreateResponse().setId(created.id).setProperties(encode(created.outputs));
    }),

    update: answerAbout(async (type, call, request: messages.UpdateRequest) => {
      const updated = await type.update(call, {
        id: request.getId(),
        olds: decode(request.getOlds()),
        oldInputs: decode(request.getOldInputs()),
        news: decode(request.getNews()),
        preview: request.getPreview(),
        timeout: request.getTimeout(),
      });
      return new messages.UpdateResponse().setProperties(encode(updated.outputs));
    }),

    read: answerAbout(async (type, call, request: messages.ReadRequest) => {
      const found = await type.read(call, {
        id: request.getId(),
        inputs: decode(request.getInputs()),
        olds: decode(request.getProperties()),
      });
      // A response without an id means that the resource no longer exists.
      if (!found) return new messages.ReadResponse();
      return new messages.ReadResponse()
        .setId(found.id)
        .setInputs(encode(found.inputs))
        .setProperties(encode(found.outputs));
    }),

    delete: answerAbout(async (type, call, request: messages.DeleteRequest) => {
      await type.delete(call, {
        id: request.getId(),
        olds: decode(request.getProperties()),
        oldInputs: decode(request.getOldInputs()),
        timeout: request.getTimeout(),
      });
      return new empty.Empty();
    }),

    invoke: answer(async (request, signal) => {
      ready(signal);
      const run = find(provider.functions, request.getTok(), "function");
      const answered = await run(decode(request.getArgs()), { preview: request.getPreview(), signal });
      return "failures" in answered
        ? new messages.InvokeResponse().setFailuresList(toFailures(answered.failures, secrets))
        : new messages.InvokeResponse().setReturn(encode(answered.result));
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
