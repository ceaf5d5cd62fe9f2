import type { ServerWritableStream } from "@grpc/grpc-js";
import type { RunPluginRequest, RunPluginResponse } from "@pulumi/pulumi/proto/language_pb.js";
import messages from "@pulumi/pulumi/proto/language_pb.js";
import { exitCode } from "../process.ts";
import type { Children } from "./children.ts";
import { runner } from "./run.ts";

/**
 * Runs a plugin or policy pack written for Node and passes on what it prints and its exit code; it ends when the engine
 * gives up the call.
 */
export function runPlugin(call: ServerWritableStream<RunPluginRequest, RunPluginResponse>, children: Children): void {
  const request = call.request;
  const directory = request.getInfo()?.getProgramDirectory() ?? request.getProgram();
  const args = request.getArgsList();
  // The policy runner takes the engine's address first, the plugin runner leaves all arguments to the plugin.
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

/** `NAME=value` as a pair; values may hold equal signs. */
function variable(assignment: string): [string, string] {
  const at = assignment.indexOf("=");
  return [assignment.slice(0, at), assignment.slice(at + 1)];
}
