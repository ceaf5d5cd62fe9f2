import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { createInterface } from "node:readline";
import { credentials } from "@grpc/grpc-js";
import { AnalyzerClient } from "@pulumi/pulumi/proto/analyzer_grpc_pb.js";
import analyzer from "@pulumi/pulumi/proto/analyzer_pb.js";
import struct from "google-protobuf/google/protobuf/struct_pb.js";

const runPolicyPack = createRequire(import.meta.url).resolve("@pulumi/pulumi/cmd/run-policy-pack/index.js");

/** The engine's form of an unknown text or number (SDK, runtime/rpc.ts). */
export const unknownValue = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

export interface SentResource {
  type: string;
  name: string;
  props: Record<string, unknown>;
}

/** A violation as the engine prints it: `mandatory connection-budget: ...`. */
export type Shown = string;

/** The policy pack of a folder, served as for the engine. */
export class PolicyServer {
  readonly #child: ChildProcess;
  readonly #client: AnalyzerClient;
  constructor(child: ChildProcess, port: string) {
    this.#child = child;
    this.#client = new AnalyzerClient(`127.0.0.1:${port}`, credentials.createInsecure());
  }

  static async start(folder: string): Promise<PolicyServer> {
    const child = spawn(process.execPath, [runPolicyPack, "127.0.0.1:1", folder], {
      // As in the engine: the folder of the program under review, which need not have a version.
      cwd: tmpdir(),
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, NODE_OPTIONS: "" },
    });
    let errors = "";
    child.stderr.on("data", (data) => {
      errors += String(data);
    });
    const port = await Promise.race([
      once(createInterface(child.stdout), "line").then(([line]) => String(line)),
      once(child, "exit").then(() => Promise.reject(new Error(`the policy pack did not start: ${errors}`))),
    ]);
    return new PolicyServer(child, port);
  }

  names(): Promise<string[]> {
    return new Promise((resolve, reject) => {
      this.#client.getAnalyzerInfo(new (emptyOf())(), (error, info) => {
        if (error) reject(error);
        else resolve(info.getPoliciesList().map((policy) => policy.getName()));
      });
    });
  }

  configure(policy: string, properties: Record<string, number>, level: string): Promise<void> {
    const config = new analyzer.PolicyConfig();
    config.setProperties(struct.Struct.fromJavaScript(properties));
    config.setEnforcementlevel(level === "mandatory" ? 1 : 0);
    const request = new analyzer.ConfigureAnalyzerRequest();
    request.getPolicyconfigMap().set(policy, config);
    return new Promise((resolve, reject) => {
      this.#client.configure(request, (error) => (error ? reject(error) : resolve()));
    });
  }

  analyze({ type, name, props }: SentResource): Promise<Shown[]> {
    const request = new analyzer.AnalyzeRequest();
    request.setType(type);
    request.setName(name);
    request.setUrn(`urn:pulumi:prod::app-roles::${type}::${name}`);
    request.setProperties(struct.Struct.fromJavaScript(props as never));
    request.setOptions(options());
    return new Promise((resolve, reject) => {
      this.#client.analyze(request, (error, response) => (error ? reject(error) : resolve(shown(response))));
    });
  }

  analyzeStack(resources: SentResource[]): Promise<Shown[]> {
    const request = new analyzer.AnalyzeStackRequest();
    request.setResourcesList(
      resources.map(({ type, name, props }) => {
        const sent = new analyzer.AnalyzerResource();
        sent.setType(type);
        sent.setName(name);
        sent.setUrn(`urn:pulumi:prod::app-roles::${type}::${name}`);
        sent.setProperties(struct.Struct.fromJavaScript(props as never));
        sent.setOptions(options());
        return sent;
      }),
    );
    return new Promise((resolve, reject) => {
      this.#client.analyzeStack(request, (error, response) => (error ? reject(error) : resolve(shown(response))));
    });
  }

  async stop(): Promise<void> {
    this.#client.close();
    const exited = once(this.#child, "exit");
    this.#child.kill();
    await exited;
  }
}

function options(): InstanceType<typeof analyzer.AnalyzerResourceOptions> {
  const result = new analyzer.AnalyzerResourceOptions();
  result.setCustomtimeouts(new analyzer.AnalyzerResourceOptions.CustomTimeouts());
  return result;
}

function shown(response: InstanceType<typeof analyzer.AnalyzeResponse>): Shown[] {
  return response
    .getDiagnosticsList()
    .map(
      (found) =>
        `${["advisory", "mandatory"][found.getEnforcementlevel()]} ${found.getPolicyname()}: ${found.getMessage()}`,
    );
}

function emptyOf() {
  const empty = createRequire(import.meta.url)("google-protobuf/google/protobuf/empty_pb.js") as {
    Empty: new () => import("google-protobuf/google/protobuf/empty_pb.js").Empty;
  };
  return empty.Empty;
}
