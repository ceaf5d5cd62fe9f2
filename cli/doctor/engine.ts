import { pulumi } from "../pulumi/pulumi.ts";
import { type Finding, ok, wrong } from "./finding.ts";
import { node } from "./node.ts";

/** The oldest CLI that the program was run with (README). */
const oldestEngine = [3, 220];

export async function engine(): Promise<Finding[]> {
  return [await node(), await pulumiCli()];
}

async function pulumiCli(): Promise<Finding> {
  try {
    const found = (await pulumi("tell its version", ["version"])).trim();
    return isAtLeast(found, oldestEngine)
      ? ok("engine", `pulumi ${found}`)
      : wrong(
          "engine",
          `pulumi ${found}`,
          `install pulumi ${oldestEngine.join(".")} or later: https://www.pulumi.com/docs/install/`,
        );
  } catch (error) {
    return wrong("engine", (error as Error).message, "install it: https://www.pulumi.com/docs/install/");
  }
}

function isAtLeast(version: string, [major = 0, minor = 0]: number[]): boolean {
  const [, has = "0", hasMinor = "0"] = /^v?(\d+)\.(\d+)/.exec(version) ?? [];
  return Number(has) > major || (Number(has) === major && Number(hasMinor) >= minor);
}
