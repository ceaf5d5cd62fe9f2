import { createRequire } from "node:module";
import { join } from "node:path";
import type { RunRequest } from "@pulumi/pulumi/proto/language_pb.js";
import messages from "@pulumi/pulumi/proto/language_pb.js";
import { exitCode } from "../process.ts";
import type { Children } from "./children.ts";

/** The exit code of the SDK's runner for a program that failed after it told the user why (cmd/run of the SDK). */
const BAIL = 32;

/** Runs a program to its end by the SDK's own runner, as a child whose output goes where this process's output goes. */
export function runProgram(request: RunRequest, engineAddress: string, children: Children) {
  const directory = request.getInfo()?.getProgramDirectory() ?? request.getPwd();
  const options = request.getInfo()?.getOptions()?.toJavaScript() ?? {};
  const child = children.node([runner("run", directory), ...programArguments(request, engineAddress)], {
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, ...programEnvironment(request, options) },
  });
  return new Promise<messages.RunResponse>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      const ended = exitCode(code, signal);
      const response = new messages.RunResponse();
      // A program that was told to stop has nothing to explain.
      if (ended === BAIL || children.stopped) response.setBail(true);
      else if (ended !== 0) response.setError(`Program exited with non-zero exit code: ${ended}`);
      resolve(response);
    });
  });
}

/** The file of one of the SDK's runners (`run`, `run-plugin`, `run-policy-pack`) in the packages of the program itself. */
export function runner(name: string, directory: string): string {
  try {
    return createRequire(join(directory, "package.json")).resolve(`@pulumi/pulumi/cmd/${name}`);
  } catch {
    // These words let the engine explain what to do for a policy pack (errRunPolicyModuleNotFound).
    throw new Error(
      `Cannot find module '@pulumi/pulumi/cmd/${name}' in ${directory}: have its packages been installed?`,
    );
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

/** Configuration goes by the environment, never by arguments, which every user of the machine can read. */
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
