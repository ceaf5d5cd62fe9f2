import { readableShellWord } from "../../model/shell-word.ts";
import type { Declared } from "../audit/subject.ts";
import { switchesInState } from "../pulumi/state.ts";
import { findRollback } from "../rollback/find-source.ts";

/** A service with its place in the migration. */
export interface ServiceState {
  name: string;
  database: string;
  role: string;
  runtime: string;
  /** `legacy` or `role` after the last up; undefined: no up has deployed it. */
  inForce: "legacy" | "role" | undefined;
  /** The next up changes it. */
  isPending: boolean;
  /** How to roll it back, in words. */
  rollback: string;
}

/** The stack's services, in cutover order. */
export function serviceStates({ name: stackName, stack, state }: Declared): ServiceState[] {
  const switches = state instanceof Error ? new Map<string, string>() : switchesInState(state);
  return stack.services.map(({ name, database, role, runtime, connectAs }) => {
    const found = switches.get(name);
    const inForce = found === "role" || found === "legacy" ? found : undefined;
    const isPending = inForce !== undefined && inForce !== connectAs;
    const command = `npx app-roles rollback ${readableShellWord(name)} --stack ${readableShellWord(stackName)}`;
    return { name, database, role, runtime, inForce, isPending, rollback: rollbackOf(name, command, { stack, state }) };
  });
}

function rollbackOf(service: string, command: string, { stack, state }: Pick<Declared, "stack" | "state">): string {
  if (state instanceof Error) return "unknown: the state could not be read";
  if (stack.migrationComplete) return "none: migrationComplete";
  try {
    const { by } = findRollback(state, service);
    if (by === "nothing") return "not needed: on its legacy URL";
    return by === "hand" ? `${command}, then redeploy it` : command;
  } catch {
    return "not needed: not deployed";
  }
}
