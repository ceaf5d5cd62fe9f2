import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { ServerWritableStream } from "@grpc/grpc-js";
import messages, {
  type RunPluginRequest,
  type RunPluginResponse,
  type RunRequest,
} from "@pulumi/pulumi/proto/language_pb.js";
import { exitCode } from "../process.ts";

/** What a program inherits from its language host. */
export interface Inherited {
  cwd: string;
  env: NodeJS.ProcessEnv;
  /** File descriptors, or `inherit` for this process's own. */
  stdout: number | "inherit";
  stderr: number | "inherit";
}

/** The Node processes of a language host, which end with it. */
export class Children {
  readonly inherited: Inherited;
  readonly #running = new Set<ChildProcess>();
  /** Whether the user or the engine cancelled the operation. */
  stopped = false;

  constructor(inherited: Inherited) {
    this.inherited = inherited;
  }

  /** Starts this process's Node with these arguments. */
  node(args: string[], options: SpawnOptions): ChildProcess {
    const child = spawn(process.execPath, args, options);
    this.#running.add(child);
    const forget = (): void => {
      this.#running.delete(child);
    };
    child.once("exit", forget);
    child.once("error", forget);
    return child;
  }

  /** Sends SIGTERM to all children. */
  stop(): void {
    this.stopped = true;
    for (const child of this.#running) child.kill("SIGTERM");
  }
}

/** The exit code of the SDK's cmd/run for a program that has already reported its error. */
const BAIL = 32;

/** Runs a program to its end with the SDK's own runner, as a child that shares the language host's output. */
export function runProgram(request: RunRequest, engineAddress: string, children: Children) {
  const directory = request.getInfo()?.getProgramDirectory() ?? request.getPwd();
  const options = request.getInfo()?.getOptions()?.toJavaScript() ?? {};
  const { cwd, env, stdout, stderr } = children.inherited;
  const child = children.node([runner("run", directory), ...programArguments(request, engineAddress)], {
    cwd,
    stdio: ["ignore", stdout, stderr],
    env: { ...env, ...programEnvironment(request, options) },
  });
  return new Promise<messages.RunResponse>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      const ended = exitCode(code, signal);
      const response = new messages.RunResponse();
      // The engine must not report the exit code of a program that it cancelled.
      if (ended === BAIL || children.stopped) response.setBail(true);
      else if (ended !== 0) response.setError(`Program exited with non-zero exit code: ${ended}`);
      resolve(response);
    });
  });
}

/** The file of an SDK runner (`run`, `run-plugin`, `run-policy-pack`) in the program's own packages. */
function runner(name: string, directory: string): string {
  try {
    return createRequire(join(directory, "package.json")).resolve(`@pulumi/pulumi/cmd/${name}`);
  } catch {
    // The engine recognizes this message and explains the fix for a policy pack (errRunPolicyModuleNotFound).
    throw new Error(`Cannot find module '@pulumi/pulumi/cmd/${name}' in ${directory}: install its packages`);
  }
}

function programArguments(request: RunRequest, engineAddress: string): string[] {
  const flags = {
    monitor: request.getMonitorAddress(),
    engine: engineAddress,
    organization: request.getOrganization(),
    project: request.getProject(),
    stack: request.getStack(),
    "root-directory": request.getInfo()?.getRootDirectory(),
    pwd: request.getPwd(),
    parallel: request.getParallel() > 0 ? String(request.getParallel()) : "",
  };
  const given = Object.entries(flags).flatMap(([flag, value]) => (value ? [`--${flag}=${value}`] : []));
  return [...given, ...(request.getDryrun() ? ["--dry-run"] : []), request.getProgram(), ...request.getArgsList()];
}

/** The configuration is in the environment, since every user of the machine can read arguments. */
function programEnvironment(request: RunRequest, options: Record<string, unknown>): NodeJS.ProcessEnv {
  const { typescript = true, ...others } = options;
  const unknown = Object.keys(others);
  if (unknown.length > 0) {
    throw new Error(`the sandbox's language host has no runtime option ${unknown.join(", ")}: see Pulumi.yaml`);
  }
  return {
    PULUMI_CONFIG: JSON.stringify(Object.fromEntries(request.getConfigMap().toArray())),
    PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(request.getConfigsecretkeysList()),
    PULUMI_NODEJS_TYPESCRIPT: String(typescript),
  };
}

/** Runs a Node plugin or policy pack. Forwards its output and exit code, and stops it if the engine cancels the call. */
export function runPlugin(call: ServerWritableStream<RunPluginRequest, RunPluginResponse>, children: Children): void {
  const request = call.request;
  const directory = request.getInfo()?.getProgramDirectory() ?? request.getProgram();
  const args = request.getArgsList();
  // The policy runner expects the engine's address first. The plugin runner passes all arguments to the plugin.
  const command =
    request.getKind() === "analyzer"
      ? [runner("run-policy-pack", directory), ...args, directory]
      : [runner("run-plugin", directory), directory, ...args];
  const child = children.node(command, {
    cwd: request.getPwd(),
    env: Object.fromEntries(request.getEnvList().map(variable)),
    stdio: ["ignore", "pipe", "pipe"],
  });
  child.stdout?.on("data", (bytes: Uint8Array) => {
    const message = new messages.RunPluginResponse();
    message.setStdout(bytes);
    call.write(message);
  });
  child.stderr?.on("data", (bytes: Uint8Array) => {
    const message = new messages.RunPluginResponse();
    message.setStderr(bytes);
    call.write(message);
  });
  child.once("error", (error) => call.destroy(error));
  child.once("close", (code, signal) => {
    const message = new messages.RunPluginResponse();
    message.setExitcode(exitCode(code, signal));
    call.write(message);
    call.end();
  });
  call.once("cancelled", () => child.kill("SIGTERM"));
}

/** Splits `NAME=value` at the first equals sign. */
function variable(assignment: string): [string, string] {
  const at = assignment.indexOf("=");
  return [assignment.slice(0, at), assignment.slice(at + 1)];
}
