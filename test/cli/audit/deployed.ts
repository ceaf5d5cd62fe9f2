import { escapeIdentifier, escapeLiteral } from "pg";
import type { Declared } from "../../../cli/audit/subject.ts";
import type { ExportedResource } from "../../../cli/pulumi/state.ts";
import { parseStack } from "../../../config/parse-stack.ts";
import { legacyUsers, type Stack } from "../../../model/stack.ts";
import type { Snapshot } from "../../../provider/baseline/contract.ts";
import { PreviousOwners } from "../../../provider/baseline/previous-owners.ts";
import { baseline } from "../../../provider/baseline/resource.ts";
import { existingRole } from "../../../provider/existing-role/resource.ts";
import { ownership } from "../../../provider/ownership/resource.ts";
import { Server } from "../../../provider/postgres/connection.ts";
import { PrivilegeReader } from "../../../provider/privileges/reader.ts";
import { privileges } from "../../../provider/privileges/resource.ts";
import { publicPrivileges } from "../../../provider/public-privileges/resource.ts";
import { roleSettings } from "../../../provider/settings/resource.ts";
import { testCall } from "../../provider/calls.ts";
import type { TestPostgres } from "../../provider/postgres.ts";

type Config = Parameters<typeof parseStack>[0];

/** The stack `prod` of a configuration, with what an up of it saves in its state; none before one has completed. */
export function declare(config: Config, resources: ExportedResource[] = []): Declared {
  return { name: "prod", stack: { ...parseStack(config), dockerHost: undefined }, state: { resources } };
}

/** Applies the resources of the stack to the server, as an up does, and returns the stack with its state. */
export async function deploy(postgres: TestPostgres, config: Config, created = new Date()): Promise<Declared> {
  const { stack } = declare(config);
  const server = new Server(postgres.address);
  const resources: ExportedResource[] = [];
  const keep = (type: string, name: string, inputs: object, outputs = {}) =>
    void resources.push({
      urn: `urn:pulumi:prod::app-roles::${type}::${name}`,
      type,
      // As in the state: plain JSON.
      inputs: JSON.parse(JSON.stringify(inputs)) as Record<string, unknown>,
      outputs: JSON.parse(JSON.stringify(outputs)) as Record<string, unknown>,
      created: created.toISOString(),
    });
  try {
    const snapshots = await recordBaselines(server, stack, keep);
    await createRoles(postgres, stack, keep);
    for (const [role, { access, grants, settings }] of Object.entries(stack.roles)) {
      const { idle_session_timeout: idle } = settings;
      const own = { role, settings: idle ? { idle_session_timeout: String(idle) } : {}, databases: {}, before: {} };
      await roleSettings(server).apply(own, undefined, testCall());
      keep("pgaccess:index:RoleSettings", role, own);
      for (const [database, level] of Object.entries(access)) {
        const { schemas, owner } = stack.databases[database] as Stack["databases"][string];
        const creators = [...new Set([...(owner ? [owner] : []), ...legacyUsers(stack)])].filter((one) => one !== role);
        const inputs = { role, database, access: level, schemas, creators, grants: grants[database], before: [] };
        await privileges(server, new PrivilegeReader(0)).apply(inputs, undefined, testCall());
        keep("pgaccess:index:Privileges", `${role}.${database}`, inputs);
      }
    }
    for (const [database, one] of Object.entries(stack.databases)) {
      const { owner, schemas, keepOwner, alsoOwn, revokeFromPublic } = one;
      const former = snapshots.get(database) as never;
      const roles = Object.keys(stack.roles);
      if (owner !== undefined) {
        const inputs = { database, owner, schemas, keepOwner, alsoOwn, roles, former };
        await ownership(server).apply(inputs, undefined, testCall());
        keep("pgaccess:index:Ownership", database, inputs);
      }
      if (revokeFromPublic.length > 0) {
        const inputs = { database, revoke: revokeFromPublic, roles, former };
        await publicPrivileges(server).apply(inputs, undefined, testCall());
        keep("pgaccess:index:PublicPrivileges", database, inputs);
      }
    }
    for (const [role, { connectionLimit, enforce }] of Object.entries(stack.existingRoles)) {
      if (!enforce) continue;
      const former = [...snapshots.values()][0]?.existingRoles[role] ?? null;
      const inputs = { role, connectionLimit, settings: {}, former };
      await existingRole(server).apply(inputs, undefined, testCall());
      keep("pgaccess:index:ExistingRole", role, inputs);
    }
  } finally {
    await server.close();
  }
  return declare(config, resources);
}

type Keep = (type: string, name: string, inputs: object, outputs?: object) => void;

async function recordBaselines(server: Server, stack: Stack, keep: Keep): Promise<Map<string, Snapshot>> {
  const snapshots = new Map<string, Snapshot>();
  for (const [database, { schemas, keepOwner, alsoOwn }] of Object.entries(stack.databases)) {
    const existingRoles = Object.keys(stack.existingRoles);
    const inputs = { database, schemas, keepOwner, alsoOwn, roles: Object.keys(stack.roles), existingRoles };
    const plan = await baseline(server, new PreviousOwners()).plan(inputs, undefined, {});
    if (plan.failures?.length) throw new Error(plan.failures.map(({ reason }) => reason).join("\n"));
    snapshots.set(database, plan.observed?.snapshot as unknown as Snapshot);
    keep("pgaccess:index:Baseline", database, inputs, { snapshot: plan.observed?.snapshot });
  }
  return snapshots;
}

/** As the official Role does. */
async function createRoles(postgres: TestPostgres, { roles }: Stack, keep: Keep): Promise<void> {
  const db = await postgres.connect();
  for (const [name, { connectionLimit, settings }] of Object.entries(roles)) {
    const idle = Number(settings.idle_in_transaction_session_timeout ?? 0);
    const role = escapeIdentifier(name);
    await db.query(`CREATE ROLE ${role} LOGIN CONNECTION LIMIT ${connectionLimit} PASSWORD ${escapeLiteral(name)}`);
    if (idle > 0) await db.query(`ALTER ROLE ${role} SET idle_in_transaction_session_timeout = ${idle}`);
    keep("postgresql:index/role:Role", name, {
      name,
      login: true,
      connectionLimit,
      ...(idle > 0 && { idleInTransactionSessionTimeout: idle }),
    });
    keep("random:index/randomPassword:RandomPassword", name, { length: 48 });
  }
  await db.end();
}
