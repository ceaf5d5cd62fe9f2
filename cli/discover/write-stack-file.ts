import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { diff, styleText } from "node:util";
import { isMap, isScalar, parseDocument } from "yaml";
import { parseStack } from "../../config/parse-stack.ts";
import { writeFileAtomically } from "../../provider/write-file.ts";
import type { Proposal } from "./proposed/config.ts";
import { stackDocument } from "./stack-document.ts";

/**
 * Writes the proposal to a stack file. An existing file is changed only with `force`; otherwise the difference is printed. Resolves
 * with whether the file has the proposal. Throws if the migration of the existing file's stack has begun.
 */
export async function writeStackFile(file: string, proposal: Proposal, force = false): Promise<boolean> {
  if (proposal.plan === undefined) {
    console.error(`${file} was not written: the limits of the existing roles leave no room for the services`);
    return false;
  }
  if (proposal.services.length === 0) {
    console.error(`${file} was not written: no service was found that could be moved`);
    return false;
  }
  const existing = existsSync(file) ? await readFile(file, "utf8") : undefined;
  // Throws with every problem: nothing is written that a preview would refuse.
  parseStack({ ...proposal.config });
  const text = stackDocument(proposal, existing);
  if (existing === text) {
    console.error(`${file} has this proposal already`);
    return true;
  }
  if (existing !== undefined && !force) {
    console.log(`\n${difference(existing, text)}`);
    console.error(
      `${file} exists and was not changed. --force replaces the sections that differ; all other keys are kept`,
    );
    return false;
  }
  const moved = existing === undefined ? [] : servicesOnRoles(existing);
  if (moved.length > 0) {
    throw new Error(
      `${file} was not changed: its services ${moved.join(", ")} are on their roles already, and the proposal would roll them back. Copy what you need from the difference (without --force)`,
    );
  }
  await writeFileAtomically(file, text, { encoding: "utf8", mode: existing === undefined ? 0o644 : "keep" });
  console.error(
    `${file} was written. Next: pulumi config set --secret adminPassword, then pulumi preview --policy-pack policies`,
  );
  return true;
}

/** The roles that a stack file declares, so that a discovery after its first up does not take them for others. */
export async function declaredRoles(file: string): Promise<Set<string>> {
  if (!existsSync(file)) return new Set();
  const roles = parseDocument(await readFile(file, "utf8")).getIn(["config", "app-roles:roles"]);
  return new Set(isMap(roles) ? roles.items.map(({ key }) => String(isScalar(key) ? key.value : key)) : []);
}

/** Lines with their sign, as in a unified diff with three lines around each change. */
function difference(before: string, after: string): string {
  const lines = diff(before.split("\n"), after.split("\n")).map(([sign, line]) => ({ sign: -sign, line }));
  const isNear = lines.map((_, i) => lines.slice(Math.max(0, i - 3), i + 4).some(({ sign }) => sign !== 0));
  const shown = lines.flatMap(({ sign, line }, i): string[] => {
    if (!isNear[i]) return isNear[i - 1] ? ["..."] : [];
    if (sign === 0) return [` ${line}`];
    return [styleText(sign > 0 ? "green" : "red", `${sign > 0 ? "+" : "-"}${line}`, { stream: process.stdout })];
  });
  return shown.join("\n");
}

function servicesOnRoles(text: string): string[] {
  const services = parseDocument(text).getIn(["config", "app-roles:services"]);
  if (!isMap(services)) return [];
  return services.items.flatMap(({ key, value }) =>
    isMap(value) && value.get("connectAs") === "role" ? [String(isScalar(key) ? key.value : key)] : [],
  );
}
