import type { InputsOf } from "../contract.ts";
import type { Server } from "../postgres/connection.ts";
import { sessionsOf } from "../postgres/sessions.ts";
import { onwardProblems } from "../privileges/resource.ts";
import type { Reconciler } from "../reconciler.ts";
import { destroyGuardContract } from "./contract.ts";

type Inputs = InputsOf<typeof destroyGuardContract>;
type Service = Inputs["services"][number];

/** Maximum number of sessions listed for each role. */
const maxListed = 5;

/**
 * Depends on all other resources, so the engine deletes it first and updates it last. Refuses, before any role is changed, while a
 * role that would be dropped has sessions or a deployed service, or has granted its privileges onward.
 */
export function destroyGuard(server: Server): Reconciler<typeof destroyGuardContract> {
  const sessions = async (roles: string[]) =>
    roles.length === 0 ? [] : linesOf(await server.anySession((db) => sessionsOf(db, roles)));
  return {
    contract: destroyGuardContract,
    identity: [],
    // Another value changes nothing on the server: a cutover only changes its service.
    advisory: ["services", "privileges"],
    id: () => "destroy-guard",

    async plan({ roles }, previous) {
      const lines = await sessions(removedRoles(roles, previous?.roles));
      const warning = `up would be refused: these roles are removed from the configuration and are in use${listed(lines)}`;
      const onward = await onwardProblems(server, removedPrivileges(roles, previous));
      return {
        changes: {},
        warnings: [
          ...(lines.length > 0 ? [warning] : []),
          ...(onward.length > 0 ? [`up would be refused: ${grantedOnward(onward)}`] : []),
        ],
      };
    },

    summarize: () => undefined,

    // Roles are dropped at the end of the up, after this.
    async apply({ roles }, previous) {
      const lines = await sessions(removedRoles(roles, previous?.roles));
      const onward = await onwardProblems(server, removedPrivileges(roles, previous));
      if (onward.length > 0) throw new Error(`no role was changed: ${grantedOnward(onward)}`);
      if (lines.length === 0) return undefined;
      throw new Error(
        `roles that are removed from the configuration are in use, so none of them was changed. Add them again, ${remedy}, then remove them${listed(lines)}`,
      );
    },

    async remove({ roles, services, privileges }, call) {
      const deployed = services.filter((one) => one.deployed);
      const lines = [...(await sessions(roles)), ...deployed.map(({ name, role }) => `${role}: service ${name}`)];
      if (lines.length > 0) {
        throw new Error(
          `the roles of this stack are in use, so nothing was changed. Before you run destroy again: ${remedy}${listed(lines)}`,
        );
      }
      const onward = await onwardProblems(server, privileges);
      if (onward.length > 0) {
        throw new Error(`nothing was changed: ${grantedOnward(onward)}`);
      }
      if (services.length > 0) call.report.warn(lostPasswords(services));
    },
  };
}

const remedy = "set the services to `connectAs: legacy`, run up, restart them";

function removedRoles(roles: string[], previous: string[] = []): string[] {
  return previous.filter((role) => !roles.includes(role));
}

function removedPrivileges(roles: string[], previous: Inputs | undefined): Inputs["privileges"] {
  const removed = removedRoles(roles, previous?.roles);
  return (previous?.privileges ?? []).filter(({ role }) => removed.includes(role));
}

function grantedOnward(problems: string[]): string {
  return `other roles hold privileges that were granted onward. Revoke them, then run this again:\n  ${problems.join("\n  ")}`;
}

function linesOf(inUse: Awaited<ReturnType<typeof sessionsOf>>): string[] {
  return inUse.map(({ role, sessions }) => {
    const list = sessions.slice(0, maxListed).map(({ pid, database, client, application }) => {
      return `pid ${pid} in ${database} from ${client} (${application})`;
    });
    const more = sessions.length > maxListed ? [`and ${sessions.length - maxListed} more`] : [];
    return `${role}: ${sessions.length} ${sessions.length === 1 ? "session" : "sessions"}: ${[...list, ...more].join(", ")}`;
  });
}

function listed(lines: string[]): string {
  return `. To end the remaining sessions: SELECT pg_terminate_backend(pid)\n  ${lines.join("\n  ")}`;
}

function lostPasswords(services: Service[]): string {
  const list = services.map(({ name, role }) => `${name} (${role})`).join(", ");
  return (
    `these services connect as a role of this stack, have no sessions now, and cannot connect again: ${list}. ` +
    "Set their legacy URLs again"
  );
}
