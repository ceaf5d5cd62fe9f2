import type { DeclaredAccess } from "../../model/declared-access.ts";
import type { DefaultAcl } from "../baseline/contract.ts";
import { readDefaultAcls } from "../baseline/snapshot.ts";
import type { InputsOf } from "../contract.ts";
import type { Queryable, Server } from "../postgres/connection.ts";
import { driftIn, isMissingDatabase, planIn } from "../postgres/databases.ts";
import { explain, listOf } from "../postgres/explain.ts";
import { readingAgain } from "../postgres/gone.ts";
import { alone } from "../postgres/locks.ts";
import { actingFor, memberReason, unreachableRoles } from "../postgres/membership.ts";
import { existingRoles, isSuperuser, roleExists } from "../postgres/roles.ts";
import { schemaNames, schemasOwnedIn } from "../postgres/schemas.ts";
import { refuseWhileInUse } from "../postgres/sessions.ts";
import { inTransaction } from "../postgres/transaction.ts";
import { type Changes, Incomplete, type Reconciler } from "../reconciler.ts";
import { refuseUnreviewed } from "../reviewed.ts";
import type { Call, CheckFailure } from "../rpc/provider.ts";
import { Unknown } from "../rpc/values.ts";
import { ownershipWarnings } from "../warnings/index.ts";
import { warningsOf } from "../warnings/warning.ts";
import { ownershipContract } from "./contract.ts";
import {
  type CarryOver,
  defaultStatements,
  describeDefaults,
  missingDefaults,
  restoredDefaults,
} from "./default-privileges.ts";
import {
  describe,
  isSuperusersMove,
  type Move,
  movesTowards,
  ownerFor,
  restoringMoves,
  schemasOf,
  unknownNames,
} from "./moves.ts";
import { type OwnedObject, PreviousNames, readOwnedObjects } from "./objects.ts";
import { type Reassigned, reassignPlanned } from "./reassign.ts";
import { foreignStacks, forgetRecord, missingRecord, record } from "./stack-claim.ts";
import { superusersMoveReason } from "./superusers-objects.ts";

type Inputs = InputsOf<typeof ownershipContract>;

interface Plan {
  moves: Move[];
  defaults: CarryOver[];
}

/** Changes of owner (runbook): the role that runs the migrations owns the objects that they alter. */
export function ownership(server: Server): Reconciler<typeof ownershipContract> {
  return {
    contract: ownershipContract,
    identity: ["database", "owner"],
    hidden: ["former"],
    advisory: ["legacyUsers", "declared"],
    id: ({ database, owner }) => `${database}/${owner}`,

    plan: (inputs, _olds, _before, call) =>
      planIn(server, inputs.database, () =>
        server.session(inputs.database, async (db) => {
          const objects = await readOwnedObjects(db, schemasOf(inputs));
          const { moves, defaults } = planFor(inputs, objects, await readDefaultAcls(db, inputs.schemas));
          const unknown = unknownNames(inputs, objects).map(
            (name) =>
              `${name}: ${inputs.database} has no such object (a name with capitals or dots needs double quotes)`,
          );
          const { legacyUsers = [], declared = declaredBy(inputs) } = inputs;
          const facts = { ...inputs, objects, previousOwners: recordedOwners(inputs), legacyUsers, declared };
          const warnings = [...unknown, ...(await warningsOf(db, facts, ownershipWarnings))];
          const failures = [
            ...(await foreignStacks(db, inputs, moves, call)).map((reason) => ({ property: "owner", reason })),
            ...(await impossibleMoves(db, inputs, moves)),
          ];
          const record = failures.length === 0 ? await missingRecord(db, inputs, call) : {};
          const changes = { ...linesOf({ moves, defaults }), ...record };
          return { changes, warnings, ...(failures.length > 0 && { failures }) };
        }),
      ),

    drift: (inputs) =>
      driftIn(inputs.database, () =>
        server.session(inputs.database, async (db) => {
          const objects = await readOwnedObjects(db, schemasOf(inputs));
          return linesOf(planFor(inputs, objects, await readDefaultAcls(db, inputs.schemas)));
        }),
      ),

    summarize: ({ database, owner }, changes) => {
      const defaults = Object.keys(changes).filter((key) => key.startsWith("default privileges of ")).length;
      const records = Object.keys(changes).filter((key) => key.startsWith("comment on role ")).length;
      const objects = Object.keys(changes).length - defaults - records;
      const carried = defaults > 0 ? `, default privileges in ${defaults} ${defaults === 1 ? "place" : "places"}` : "";
      if (Object.keys(changes).length === 0) return undefined;
      return `${database}: ${count(objects)} to change owner (to ${owner} or the role in keepOwner)${carried}`;
    },

    async apply(inputs, _olds, call) {
      return server.session(inputs.database, (db) =>
        alone(db, call, async () => {
          const read = async () => {
            await refuseMissingRole(db, inputs.owner);
            return readOwnedObjects(db, schemasOf(inputs));
          };
          const plan = async () => {
            const moves = movesTowards(inputs, await read());
            const foreign = await foreignStacks(db, inputs, moves, call);
            if (foreign.length > 0) throw new Error(foreign.join("\n"));
            refuseUnreviewed(call.urn, linesOf({ moves, defaults: [] }));
            return moves;
          };
          const objects = await readingAgain(read);
          await readingAgain(plan);
          await record(db, inputs, call);
          await applyDefaults(db, inputs, call, (live) => planFor(inputs, objects, live).defaults);
          // If the moves fail, some may be done: destroy restores only what is in the state.
          const result = await reassignPlanned(db, plan, call).catch((error: unknown) => {
            throw new Incomplete(error instanceof Error ? error.message : String(error), { cause: error });
          });
          if (result.left.length > 0) throw new Incomplete(leftBehind(inputs.database, result));
          reportGone(inputs, result, call);
          return result.planned > 0 ? `${inputs.database}: ${count(result.moved)} moved` : undefined;
        }),
      );
    },

    async remove(inputs, call) {
      if (inputs.former instanceof Unknown) throw new Error("the state has no baseline with the previous owners");
      const { former: baseline } = inputs;
      const restore = (db: Queryable) =>
        alone(db, call, async () => {
          if (!(await roleExists(db, inputs.owner))) return;
          await refuseWhileInUse(db, inputs.owner, `restore the owners in ${inputs.database}`);
          // An adopted role stays and keeps the objects that it has created.
          const heir = baseline.roles[inputs.owner] ? inputs.owner : server.address.user;
          const plan = async () => {
            const objects = await objectsToRestore(db, inputs, baseline);
            return toExistingRoles(db, restoringMoves(inputs, objects, baseline, heir), server.address.user);
          };
          const result = await reassignPlanned(db, plan, call);
          if (result.left.length > 0) throw new Error(leftBehind(inputs.database, result));
          reportGone(inputs, result, call);
          await applyDefaults(db, inputs, call, (live) =>
            restoredDefaults(inputs.owner, inputs.roles, live, baseline.defaultPrivileges),
          );
          await forgetRecord(db, inputs, call);
        });
      try {
        await server.session(inputs.database, restore);
      } catch (error) {
        if (!isMissingDatabase(error)) throw error;
        await server.session(undefined, (db) => alone(db, call, () => forgetRecord(db, inputs, call)));
        call.report.info(
          `database ${inputs.database} no longer exists, nor do the objects that ${inputs.owner} owned there`,
        );
      }
    },
  };
}

function linesOf({ moves, defaults }: Plan): Changes {
  const lines = moves.map((move): [string, string] => [move.object.key, describe(move)]);
  return { ...Object.fromEntries(lines), ...describeDefaults(defaults) };
}

function planFor(inputs: Inputs, objects: OwnedObject[], live: DefaultAcl[]): Plan {
  const moves = movesTowards(inputs, objects);
  const recorded = recordedOwners(inputs);
  const sources = objects
    .filter((object) => ownerFor(inputs, object) === inputs.owner)
    .flatMap((object) => [object.owner, recorded[object.key]])
    .filter((owner): owner is string => owner !== undefined && owner !== inputs.owner);
  return { moves, defaults: missingDefaults(inputs.owner, [...new Set(sources)], inputs.roles, live) };
}

/** Failures for moves that a non-superuser admin cannot make. */
async function impossibleMoves(db: Queryable, { database }: Inputs, moves: Move[]): Promise<CheckFailure[]> {
  const doing = `change owners in ${database}`;
  const unreachable = await unreachableRoles(
    db,
    moves.flatMap(({ object, to }) => [object.owner, to]),
  );
  const isOrdinary = (role: string) => unreachable.roles.has(role) && !unreachable.superusers.has(role);
  const refused = moves.filter(({ object, to }) => isOrdinary(object.owner) || isOrdinary(to));
  const objects = refused.map(({ object }) => object.key);
  const failures = [
    ...(objects.length > 0 ? [memberReason(doing, unreachable, objects)] : []),
    ...superusersMoveReason(database, unreachable, moves),
  ];
  const ofTimescale = moves.filter(isSuperusersMove);
  if (ofTimescale.length > 0 && !(await isSuperuser(db))) {
    const list = listOf(ofTimescale.map(({ object }) => object.key));
    failures.push(
      `cannot ${doing}: only a superuser can change the owner of TimescaleDB's hypertables, continuous aggregates and jobs. ` +
        `Connect as one (app-roles:server.admin), or keep their owner (keepOwner). Objects: ${list}`,
    );
  }
  return failures.map((reason) => ({ property: "", reason }));
}

function declaredBy({ owner, schemas, keepOwner, alsoOwn, roles }: Inputs): DeclaredAccess {
  const access = roles.map((role) => [role, role === owner ? { access: "owner" as const } : {}]);
  return { owner, schemas, keepOwner, alsoOwn, roles: Object.fromEntries(access) };
}

/** Objects in the schemas, and recorded objects that were moved to another schema. */
async function objectsToRestore(
  db: Queryable,
  inputs: Inputs,
  recorded: Exclude<Inputs["former"], Unknown>,
): Promise<OwnedObject[]> {
  const schemas = schemasOf(inputs);
  const names = new PreviousNames(recorded);
  const objects = await readOwnedObjects(db, [...new Set([...schemas, ...(await schemasOwnedIn(db, inputs.owner))])]);
  return objects.filter((object) => schemas.includes(object.schema) || names.of(object) !== undefined);
}

function recordedOwners({ former }: Inputs): Record<string, string> {
  return former instanceof Unknown ? {} : former.owners;
}

/** Plans and changes the owner's default privileges in one transaction. */
async function applyDefaults(
  db: Queryable,
  { database, owner, schemas }: Inputs,
  call: Call,
  plan: (live: DefaultAcl[]) => CarryOver[],
): Promise<void> {
  const doing = `setting the default privileges of ${owner} in ${database}`;
  await inTransaction(db, call, doing, async () => {
    const defaults = await withoutDropped(db, plan(await readDefaultAcls(db, schemas)));
    if (defaults.length === 0) return;
    try {
      await actingFor(db, [...new Set(defaults.map(({ creator }) => creator))], async () => {
        for (const statement of defaultStatements(defaults)) await db.query(statement);
      });
    } catch (error) {
      throw explain(`failed ${doing}`, error);
    }
  });
}

/** Leaves out items for a role or schema that was dropped meanwhile. */
async function withoutDropped(db: Queryable, items: CarryOver[]): Promise<CarryOver[]> {
  if (items.length === 0) return items;
  const roles = await existingRoles(db, [...new Set(items.map(({ grantee }) => grantee))]);
  const schemas = new Set(await schemaNames(db, "with"));
  return items.filter(
    ({ grantee, schema }) => (grantee === "" || roles.has(grantee)) && (schema === null || schemas.has(schema)),
  );
}

async function refuseMissingRole(db: Queryable, role: string): Promise<void> {
  if (!(await roleExists(db, role))) {
    throw new Error(`cannot make ${role} the owner: there is no such role. If it was dropped by hand, run up again.`);
  }
}

/** Objects of a previous owner that was dropped meanwhile get the owner `heir`. */
async function toExistingRoles(db: Queryable, moves: Move[], heir: string): Promise<Move[]> {
  const existing = await existingRoles(db, [...new Set(moves.map(({ to }) => to))]);
  return moves.map((move) => (existing.has(move.to) ? move : { ...move, to: heir, privileges: [] }));
}

function reportGone({ database }: Inputs, { gone }: Reassigned, call: Call): void {
  if (gone.length === 0) return;
  const list = listOf(gone.map(({ object }) => object.key));
  call.report.info(`${database}: left out because they were dropped or renamed meanwhile: ${list}`);
}

function leftBehind(database: string, { moved, planned, left }: Reassigned & { planned: number }): string {
  const list = left.slice(0, 10).map(({ move, reason }) => `${move.object.key}: ${reason}`);
  const more = left.length > 10 ? [`and ${left.length - 10} more`] : [];
  return [
    `${database}: moved ${moved} of ${planned} objects; other sessions lock the rest. Wait for those sessions or end them, then run this again to continue.`,
    ...list,
    ...more,
  ].join("\n  ");
}

function count(objects: number): string {
  return `${objects} ${objects === 1 ? "object" : "objects"}`;
}
