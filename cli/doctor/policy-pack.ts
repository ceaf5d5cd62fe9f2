import { access, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { type Finding, ok, unknown, wrong } from "./finding.ts";

const folder = "policies";

/** The pack of the project's own folder, which previews are given by --policy-pack. */
export async function policyPack(): Promise<Finding> {
  const what = "policies";
  try {
    await access(join(folder, "PulumiPolicy.yaml"));
  } catch {
    return unknown(what, `no pack in ./${folder}`);
  }
  try {
    const { version } = JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as { version: string };
    createRequire(resolve(folder, "package.json")).resolve("@pulumi/policy");
    return ok(what, `./${folder} ${version}`);
  } catch (error) {
    const [message = ""] = (error as Error).message.split("\n");
    return wrong(what, message, "run npm ci in the folder of Pulumi.yaml");
  }
}
