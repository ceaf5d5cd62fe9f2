import { existsSync } from "node:fs";
import { StackFileCopy, setConnectAs, stackFile } from "../../config/stack-file.ts";
import { KeptScript } from "../../provider/rollback-kit/kept-script.ts";
import { selectedStack, showPulumi } from "../pulumi/pulumi.ts";
import { type Exported, exportState, stackOf } from "../pulumi/state.ts";
import { findRollback, kitFolderOf, type Rollback } from "./find-source.ts";
import { adminOf, tryLegacyLogin } from "./legacy-login.ts";
import { restartOnLegacy, runtimeOf, scriptOfRecord } from "./restart-service.ts";
import { updateState } from "./update-state.ts";

/**
 * Puts a service back on its legacy URL: the service first, the stack's file and its state afterwards. Says what was done and
 * what was not. Resolves with the exit code; throws before anything is changed.
 *
 * @param given the stack; undefined: the selected one
 * @param force also onto a legacy URL that the server refuses
 */
export async function rollBack(service: string, given: string | undefined, force = false): Promise<number> {
  const state = await exportState(given, "in clear").catch(async (error: Error) => {
    throw new Error(`${error.message}\n${await withoutState(service, given)}`);
  });
  const stack = given ?? stackOf(state) ?? (await selectedStack());
  const rollback = findRollback(state, service);
  const dead = force ? undefined : await whyRefused(service, stack, rollback, state);
  if (dead !== undefined) {
    console.error(dead);
    return 1;
  }
  return carryOut(service, stack, rollback);
}

/** Why the service would not come up with its legacy URL; undefined: nothing is known to speak against it. */
async function whyRefused(
  service: string,
  stack: string,
  rollback: Rollback,
  state: Exported,
): Promise<string | undefined> {
  if (rollback.by !== "script" || typeof rollback.record.legacyUrl !== "string") return undefined;
  const login = await tryLegacyLogin(rollback.record.legacyUrl, adminOf(state));
  if (login.state === "works") console.log(`A login with the legacy URL of ${service} works.`);
  if (login.state === "unknown") console.log(`Whether the legacy URL of ${service} works is not known: ${login.why}`);
  if (login.state !== "refused") return undefined;
  return (
    `${service} WAS NOT ROLLED BACK: it would not come up with its legacy URL (${login.why}). Nothing was changed: it runs as before.\n` +
    `Give the URL that works: pulumi config set --secret --path app-roles:serviceSecrets.${service}.legacyUrl --stack ${stack}, then pulumi up, and run this again. ` +
    `To put it on the recorded URL all the same: npx app-roles rollback ${service} --stack ${stack} --force`
  );
}

/** As `rollBack`, once it is known how. */
async function carryOut(service: string, stack: string, rollback: Rollback): Promise<number> {
  switch (rollback.by) {
    case "script": {
      const { record } = rollback;
      try {
        const saw = await restartOnLegacy(await scriptOfRecord(record), runtimeOf(record));
        console.log(`${service} runs on its legacy URL again: ${saw}.`);
      } catch (error) {
        console.error(notRolledBack(service, stack, (error as Error).message));
        return 1;
      }
      return afterRestart(service, stack, "restarted");
    }
    case "hand": {
      const code = await afterRestart(service, stack, "left to you");
      console.log(`Restart ${service} with its legacy URL: npx app-roles env ${service} --file ${service}.env`);
      return code;
    }
    case "up":
      return rollBackByUp(service, stack);
    case "nothing": {
      const wasSet = await setConnectAs(stack, service, "legacy");
      const file = wasSet ? `${stackFile(stack)} is set back to connectAs: legacy for it` : "nothing was changed";
      console.log(`${service} is on its legacy URL already, as the stack's state says; ${file}.`);
      return 0;
    }
  }
}

/** The stack's file, then the state. @param restart what is known of the service's own */
export async function afterRestart(
  service: string,
  stack: string,
  restart: "restarted" | "left to you" | "not needed",
): Promise<number> {
  const file = stackFile(stack);
  try {
    if (await setConnectAs(stack, service, "legacy")) console.log(`${file} says connectAs: legacy for it.`);
  } catch (error) {
    console.error(
      `${file} WAS NOT CHANGED (${(error as Error).message}): set connectAs: legacy for ${service} there, or the next pulumi up puts it on its role.`,
    );
    return 1;
  }
  const update = await updateState(service, stack, restart === "restarted");
  switch (update.state) {
    case "current":
      console.log(`${service} is on its legacy URL in the stack's state and outputs too.`);
      return 0;
    case "left":
      console.log(`The stack's state is left to the next pulumi up: ${update.why}`);
      return 0;
    case "failed":
      console.error(
        `The stack's state was not brought update (${update.why}); ${file} is right. Fix what it names and run pulumi up --stack ${stack}.`,
      );
      return 1;
  }
}

/** Of a state that has no record of it: the file is changed once the up went well. */
async function rollBackByUp(service: string, stack: string): Promise<number> {
  console.log(
    `The state, of a former version, has no record of how ${service} is put back: an ordinary pulumi up does it, which asks the database.`,
  );
  const copy = await StackFileCopy.create(stack, service, "legacy");
  const up = ["up", "--yes", "--skip-preview", "--stack", stack, ...copy.args];
  const code = await showPulumi(up).finally(() => copy.remove());
  if (code !== 0) {
    console.error(notRolledBack(service, stack, `its pulumi up ended with exit code ${code}`));
    return 1;
  }
  await setConnectAs(stack, service, "legacy");
  console.log(`${service} is on its legacy URL again, and ${stackFile(stack)} says so.`);
  return 0;
}

export function notRolledBack(service: string, stack: string, why: string): string {
  return (
    `${service} WAS NOT ROLLED BACK (${why}).\nIt may be on its role or on its legacy URL. ${stackFile(stack)} was not changed. ` +
    `Fix what is named above and run: npx app-roles rollback ${service} --stack ${stack}`
  );
}

/** What helps when the state cannot be read, as with a wrong passphrase. */
async function withoutState(service: string, given: string | undefined): Promise<string> {
  const nothing = `Nothing was changed: ${service} runs as before.`;
  const encrypted = await exportState(given).catch((): Exported => ({}));
  const folder = kitFolderOf(encrypted, service);
  if (folder === undefined) return nothing;
  const { path } = new KeptScript(folder, service);
  return existsSync(path) ? `${nothing} Its rollback script needs no passphrase: sh ${path}` : nothing;
}
