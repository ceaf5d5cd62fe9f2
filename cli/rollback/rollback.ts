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
 * Rolls a service back to its legacy URL: first the service, then the stack's file and the state. Prints what was done and
 * what was not. Resolves with the exit code; throws only before anything is changed.
 *
 * @param given the stack; default: the selected one
 * @param force roll back even if the server refuses the legacy URL
 */
export async function rollBack(service: string, given: string | undefined, force = false): Promise<number> {
  const state = await exportState(given, "plaintext").catch(async (error: Error) => {
    throw new Error(`${error.message}\n${await withoutState(service, given)}`);
  });
  const stack = given ?? stackOf(state) ?? (await selectedStack());
  const rollback = findRollback(state, service);
  const refusal = force ? undefined : await whyRefused(service, stack, rollback, state);
  if (refusal !== undefined) {
    console.error(refusal);
    return 1;
  }
  return carryOut(service, stack, rollback);
}

/** Why the service would not start with its legacy URL; undefined if no reason is known. */
async function whyRefused(
  service: string,
  stack: string,
  rollback: Rollback,
  state: Exported,
): Promise<string | undefined> {
  if (rollback.by !== "script" || typeof rollback.record.legacyUrl !== "string") return undefined;
  const login = await tryLegacyLogin(rollback.record.legacyUrl, adminOf(state));
  if (login.state === "works") console.log(`A login with the legacy URL of ${service} works.`);
  if (login.state === "unknown") console.log(`The legacy URL of ${service} could not be tested: ${login.why}`);
  if (login.state !== "refused") return undefined;
  return (
    `${service} WAS NOT ROLLED BACK: it would not start with its legacy URL (${login.why}). Nothing was changed: it runs as before.\n` +
    `Set a working URL: pulumi config set --secret --path app-roles:serviceSecrets.${service}.legacyUrl --stack ${stack}, then pulumi up, and run this again. ` +
    `To roll it back to the recorded URL anyway: npx app-roles rollback ${service} --stack ${stack} --force`
  );
}

/** Rolls back as `rollback` says. */
async function carryOut(service: string, stack: string, rollback: Rollback): Promise<number> {
  switch (rollback.by) {
    case "script": {
      const { record } = rollback;
      try {
        const saw = await restartOnLegacy(await scriptOfRecord(record), runtimeOf(record));
        console.log(`${service} runs with its legacy URL again: ${saw}.`);
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
      const file = wasSet ? `connectAs: legacy was set for it in ${stackFile(stack)}` : "nothing was changed";
      console.log(`According to the stack's state, ${service} is already on its legacy URL; ${file}.`);
      return 0;
    }
  }
}

/** Updates the stack's file, then the state. @param restart what is known of the service's restart */
export async function afterRestart(
  service: string,
  stack: string,
  restart: "restarted" | "left to you" | "not needed",
): Promise<number> {
  const file = stackFile(stack);
  try {
    if (await setConnectAs(stack, service, "legacy")) console.log(`connectAs: legacy was set for it in ${file}.`);
  } catch (error) {
    console.error(
      `${file} WAS NOT CHANGED (${(error as Error).message}): set connectAs: legacy for ${service} there, or the next pulumi up cuts it over to its role.`,
    );
    return 1;
  }
  const update = await updateState(service, stack, restart === "restarted");
  switch (update.state) {
    case "current":
      console.log(`The stack's state and outputs also have the legacy URL of ${service}.`);
      return 0;
    case "left":
      console.log(`The next pulumi up will update the stack's state: ${update.why}`);
      return 0;
    case "failed":
      console.error(
        `The stack's state WAS NOT UPDATED (${update.why}); ${file} is correct. Fix the error above and run pulumi up --stack ${stack}.`,
      );
      return 1;
  }
}

/** Without a record in the state. The file is changed after the up has succeeded. */
async function rollBackByUp(service: string, stack: string): Promise<number> {
  console.log(
    `The state is from a previous version and has no rollback record of ${service}: pulumi up rolls it back, which needs the database.`,
  );
  const copy = await StackFileCopy.create(stack, service, "legacy");
  const up = ["up", "--yes", "--skip-preview", "--stack", stack, ...copy.args];
  const code = await showPulumi(up).finally(() => copy.remove());
  if (code !== 0) {
    console.error(notRolledBack(service, stack, `its pulumi up ended with exit code ${code}`));
    return 1;
  }
  await setConnectAs(stack, service, "legacy");
  console.log(`${service} runs with its legacy URL again, and ${stackFile(stack)} is updated.`);
  return 0;
}

export function notRolledBack(service: string, stack: string, why: string): string {
  return (
    `${service} WAS NOT ROLLED BACK (${why}).\nIt may be on its role or on its legacy URL. ${stackFile(stack)} was not changed. ` +
    `Fix the error above and run: npx app-roles rollback ${service} --stack ${stack}`
  );
}

/** The remedy if the state cannot be read, for example with a wrong passphrase. */
async function withoutState(service: string, given: string | undefined): Promise<string> {
  const nothing = `Nothing was changed: ${service} runs as before.`;
  const encrypted = await exportState(given).catch((): Exported => ({}));
  const folder = kitFolderOf(encrypted, service);
  if (folder === undefined) return nothing;
  const { path } = new KeptScript(folder, service);
  return existsSync(path) ? `${nothing} Its rollback script needs no passphrase: sh ${path}` : nothing;
}
