import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { type Client, credentials, type ServiceError } from "@grpc/grpc-js";
import service from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import messages from "@pulumi/pulumi/proto/provider_pb.js";
import status from "@pulumi/pulumi/proto/status_pb.js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import { fromStruct, toStruct } from "../../../provider/rpc/marshal.ts";
import { type PropertyMap, reveal } from "../../../provider/rpc/values.ts";

type ProviderClient = InstanceType<typeof service.ResourceProviderClient>;

/** An error response. */
export class RpcError extends Error {
  readonly code: number;
  /** Set after a partial success (ErrorResourceInitFailed). */
  readonly partial: { id: string; outputs: PropertyMap; inputs: PropertyMap; reasons: string[] } | undefined;
  constructor(error: ServiceError) {
    super(error.details);
    this.code = error.code;
    this.partial = partialOf(error);
  }
}

function partialOf(error: ServiceError): RpcError["partial"] {
  const details = error.metadata?.get("grpc-status-details-bin")[0];
  if (!(details instanceof Buffer)) return undefined;
  const detail = status.Status.deserializeBinary(details).getDetailsList()[0];
  const failure = detail?.unpack(
    (bytes) => messages.ErrorResourceInitFailed.deserializeBinary(bytes),
    "pulumirpc.ErrorResourceInitFailed",
  );
  if (!failure) return undefined;
  return {
    id: failure.getId(),
    outputs: fromStruct(failure.getProperties()),
    inputs: fromStruct(failure.getInputs()),
    reasons: failure.getReasonsList(),
  };
}

/** A running plugin, called as the engine calls it. */
export class PluginProcess {
  readonly client: ProviderClient;
  readonly pid: number;
  /** Resolves to the exit code or to the name of the signal. */
  readonly exited: Promise<number | string>;
  private readonly child: ChildProcess;

  private constructor(child: ChildProcess, port: string) {
    this.child = child;
    this.pid = child.pid ?? 0;
    this.client = new service.ResourceProviderClient(`127.0.0.1:${port}`, credentials.createInsecure(), {
      "grpc.max_receive_message_length": -1,
    });
    this.exited = new Promise((resolve) => child.once("exit", (code, signal) => resolve(code ?? signal ?? "")));
  }

  /** Starts `command` and reads the port it prints. */
  static async start(
    command: string[],
    options: { engine?: string; env?: NodeJS.ProcessEnv } = {},
  ): Promise<PluginProcess> {
    const [file = "", ...args] = command;
    const child = spawn(file, options.engine ? [...args, options.engine] : args, {
      stdio: ["pipe", "pipe", "inherit"],
      env: { ...process.env, ...options.env },
    });
    // A test can fail before it stops its plugin.
    const kill = () => child.kill("SIGKILL");
    process.once("exit", kill);
    child.once("exit", () => process.off("exit", kill));
    const port = await new Promise<string>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (code) => reject(new Error(`${command.join(" ")} ended (${code}) before it printed a port`)));
      createInterface(child.stdout).once("line", resolve);
    });
    return new PluginProcess(child, port);
  }

  /** One call of the ResourceProvider service. */
  call<Response>(method: keyof ProviderClient & string, request: object = new empty.Empty()): Promise<Response> {
    return new Promise((resolve, reject) => {
      const call = this.client[method] as (
        this: Client,
        request: object,
        callback: (error: ServiceError | null, response: Response) => void,
      ) => void;
      call.call(this.client, request, (error, response) => (error ? reject(new RpcError(error)) : resolve(response)));
    });
  }

  async handshake(engine: string): Promise<messages.ProviderHandshakeResponse> {
    return this.call("handshake", new messages.ProviderHandshakeRequest().setEngineAddress(engine));
  }

  async checkConfig(
    news: PropertyMap,
  ): Promise<{ inputs: PropertyMap; failures: { property: string; reason: string }[] }> {
    return checked(await this.call("checkConfig", new messages.CheckRequest().setNews(toStruct(news))));
  }

  /** Sends the configuration in both forms, as the engine does: some plugins read only the flat one. */
  async configure(config: PropertyMap, name = "plugin"): Promise<messages.ConfigureResponse> {
    const request = new messages.ConfigureRequest()
      .setType(`pulumi:providers:${name}`)
      .setAcceptsecrets(true)
      .setArgs(toStruct(config));
    for (const [key, value] of Object.entries(config)) {
      const plain = reveal(value);
      const text = typeof plain === "string" ? plain : JSON.stringify(plain);
      request.getVariablesMap().set(`${name}:config:${key}`, text);
    }
    return this.call("configure", request);
  }

  async check(urn: string, news: PropertyMap, olds: PropertyMap = {}) {
    const request = new messages.CheckRequest()
      .setUrn(urn)
      .setType(typeIn(urn))
      .setOlds(toStruct(olds))
      .setNews(toStruct(news))
      .setRandomseed(Buffer.alloc(32, 7));
    return checked(await this.call("check", request));
  }

  async diff(urn: string, id: string, args: { oldInputs: PropertyMap; olds: PropertyMap; news: PropertyMap }) {
    const request = new messages.DiffRequest()
      .setUrn(urn)
      .setType(typeIn(urn))
      .setId(id)
      .setOldInputs(toStruct(args.oldInputs))
      .setOlds(toStruct(args.olds))
      .setNews(toStruct(args.news));
    const response = await this.call<messages.DiffResponse>("diff", request);
    const { changes, replacesList, deletebeforereplace, detaileddiffMap, hasdetaileddiff } = response.toObject();
    return {
      changes: changes === messages.DiffResponse.DiffChanges.DIFF_SOME,
      replaces: replacesList,
      deleteBeforeReplace: deletebeforereplace,
      detailed: hasdetaileddiff ? Object.fromEntries(detaileddiffMap) : undefined,
    };
  }

  async create(urn: string, inputs: PropertyMap, preview = false): Promise<{ id: string; outputs: PropertyMap }> {
    const request = new messages.CreateRequest()
      .setUrn(urn)
      .setType(typeIn(urn))
      .setProperties(toStruct(inputs))
      .setPreview(preview);
    const response = await this.call<messages.CreateResponse>("create", request);
    return { id: response.getId(), outputs: fromStruct(response.getProperties()) };
  }

  async update(
    urn: string,
    id: string,
    args: { oldInputs: PropertyMap; olds: PropertyMap; news: PropertyMap; preview?: boolean },
  ): Promise<PropertyMap> {
    const request = new messages.UpdateRequest()
      .setUrn(urn)
      .setType(typeIn(urn))
      .setId(id)
      .setOldInputs(toStruct(args.oldInputs))
      .setOlds(toStruct(args.olds))
      .setNews(toStruct(args.news))
      .setPreview(args.preview ?? false);
    return fromStruct((await this.call<messages.UpdateResponse>("update", request)).getProperties());
  }

  /** Undefined when the plugin reports that the resource no longer exists. */
  async read(urn: string, id: string, known: { inputs?: PropertyMap; outputs?: PropertyMap } = {}) {
    const request = new messages.ReadRequest().setUrn(urn).setType(typeIn(urn)).setId(id);
    if (known.inputs) request.setInputs(toStruct(known.inputs));
    if (known.outputs) request.setProperties(toStruct(known.outputs));
    const response = await this.call<messages.ReadResponse>("read", request);
    if (response.getId() === "") return undefined;
    return {
      id: response.getId(),
      inputs: fromStruct(response.getInputs()),
      outputs: fromStruct(response.getProperties()),
    };
  }

  async delete(urn: string, id: string, known: { inputs: PropertyMap; outputs: PropertyMap }): Promise<void> {
    const request = new messages.DeleteRequest()
      .setUrn(urn)
      .setType(typeIn(urn))
      .setId(id)
      .setOldInputs(toStruct(known.inputs))
      .setProperties(toStruct(known.outputs));
    await this.call("delete", request);
  }

  async invoke(
    token: string,
    args: PropertyMap,
  ): Promise<{ result: PropertyMap; failures: { property: string; reason: string }[] }> {
    const request = new messages.InvokeRequest().setTok(token).setArgs(toStruct(args));
    const response = await this.call<messages.InvokeResponse>("invoke", request);
    return {
      result: fromStruct(response.getReturn()),
      failures: response.getFailuresList().map((failure) => failure.toObject()),
    };
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  /** Stops the plugin as the engine does: Cancel, then SIGINT. */
  async stop(): Promise<number | string> {
    await this.call("cancel").catch(() => undefined);
    this.signal("SIGINT");
    const ended = await this.exited;
    this.client.close();
    return ended;
  }
}

function checked(response: messages.CheckResponse) {
  return {
    inputs: fromStruct(response.getInputs()),
    failures: response.getFailuresList().map((failure) => failure.toObject()),
  };
}

function typeIn(urn: string): string {
  return urn.split("::")[2]?.split("$").at(-1) ?? "";
}
