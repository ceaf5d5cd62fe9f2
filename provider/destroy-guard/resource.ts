import type { InputsOf } from "../contract.ts";
import type { Server } from "../postgres/connection.ts";
import { sessionsOf } from "../postgres/sessions.ts";
import { onwardProblems } from "../privileges/resource.ts";
import type { Reconciler } from "../reconciler.ts";
import { destroyGuardContract } from "./contract.ts";

type Inputs = InputsOf<typeof destroyGuardContract>;
type Service = Inputs["services"][number];

/** Sessions named in the refusal, of each role. */
const named = 5;

/**
 * Depends on all that the stack makes, so the engine deletes it first and changes it last: it refuses while any role that
 * goes has sessions or a service of this stack's, or granted onward what it was given, before anything of any role is touched.
 */
export function destroyGuard(server: Server): Reconciler<typeof destroyGuardContract> {
  const sessions = async (roles: string[]) =>
    roles.length === 0 ? [] : linesOf(await server.anySession((db) => sessionsOf(db, roles)));
  return {
    contract: destroyGuardContract,
    identity: [],
    // Another value changes nothing on the server: a cutover is a change of its service alone.
    advisory: ["services", "privileges"],
    id: () => "destroy-guard",

    async plan({ roles }, olds) {
      const lines = await sessions(leaving(roles, olds?.roles));
      const warning = `up would be refused, these roles are taken out of the configuration and are in use${andSo(lines)}`;
      const onward = await onwardProblems(server, privilegesLeaving(roles, olds));
      return {
        changes: {},
        warnings: [
          ...(lines.length > 0 ? [warning] : []),
          ...(onward.length > 0 ? [`up would be refused: ${grantedOnward(onward)}`] : []),
        ],
      };
    },

    summarize: () => undefined,

    // Roles are dropped at the end of an up, after this.
    async apply({ roles }, olds) {
      const lines = await sessions(leaving(roles, olds?.roles));
      const onward = await onwardProblems(server, privilegesLeaving(roles, olds));
      if (onward.length > 0) throw new Error(`nothing was taken from any role: ${grantedOnward(onward)}`);
      if (lines.length === 0) return undefined;
      throw new Error(
        `roles that are taken out of the configuration are in use, so nothing was taken from any of them. Put them back, ${remedy}, then take them out${andSo(lines)}`,
      );
    },

    async remove({ roles, services, privileges }, call) {
      const deployed = services.filter((one) => one.deployed);
      const lines = [...(await sessions(roles)), ...deployed.map(({ name, role }) => `${role}: service ${name}`)];
      if (lines.length > 0) {
        throw new Error(
          `the roles of this stack are in use, so nothing was changed. Before you run destroy again: ${remedy}${andSo(lines)}`,
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

function leaving(roles: string[], before: string[] = []): string[] {
  return before.filter((role) => !roles.includes(role));
}

function privilegesLeaving(roles: string[], olds: Inputs | undefined): Inputs["privileges"] {
  const left = leaving(roles, olds?.roles);
  return (olds?.privileges ?? []).filter(({ role }) => left.includes(role));
}

function grantedOnward(problems: string[]): string {
  return `others hold privileges from a role that goes. End that, then run this again:\n  ${problems.join("\n  ")}`;
}

function linesOf(inUse: Awaited<ReturnType<typeof sessionsOf>>): string[] {
  return inUse.map(({ role, sessions }) => {
    const list = sessions.slice(0, named).map(({ pid, database, client, application }) => {
      return `pid ${pid} in ${database} from ${client} (${application})`;
    });
    const more = sessions.length > named ? [`and ${sessions.length - named} more`] : [];
    return `${role}: ${sessions.length} ${sessions.length === 1 ? "session" : "sessions"}: ${[...list, ...more].join(", ")}`;
  });
}

function andSo(lines: string[]): string {
  return `. What sessions are left after that: SELECT pg_terminate_backend(pid)\n  ${lines.join("\n  ")}`;
}

function lostPasswords(services: Service[]): string {
  const list = services.map(({ name, role }) => `${name} (${role})`).join(", ");
  return (
    `these services connect as a role of this stack, have no sessions now, and will not come up again: ${list}. ` +
    "Give them the URL they had before"
  );
}
