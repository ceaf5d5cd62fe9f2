import type { Access, Migrates } from "../../../model/stack.ts";
import {
  type Certainty,
  type Evidence,
  evidenceLine,
  type Need,
  type Reason,
  seenLine,
  type Use,
  useText,
  type Watch,
} from "../evidence.ts";
import { beyondAccess, grantsOf } from "./beyond-access.ts";
import type { NamesInDatabase } from "./names-in-database.ts";
import { canAlsoOwn, usedObject } from "./used-object.ts";

/** What else is known about the work of a service in its database. */
export interface NeedFacts {
  names: NamesInDatabase;
  /** The schemas that the stack manages. */
  schemas: string[];
  /** Migration ledgers outside the schemas, which the owner also owns: `schema.name` without quotes. */
  ledgers: string[];
  watch: Watch;
  /** Whether every statement was seen, also a short one: a log with log_statement = all. */
  sawEverything: boolean;
  /** Tables in the schemas that were written meanwhile by none of the statements that were seen. */
  unexplained: string[];
  /** DDL that was seen in the catalog and can only be this service's: "tickets.t9 was created". */
  changes: string[];
  now: Date;
}

const writes = ["INSERT", "UPDATE", "DELETE"];

/** Reasons for which a statement, or a part of it, is unknown. */
const isUnread = /cannot be parsed|was cut off|whose text was not seen/;
/** Reasons for which DDL can be unknown although every statement that was sent is in the log. */
const canHideDdl = /^dynamic EXECUTE|^\S+ function |is computed| in DO$/;

/** The lines that a report shows for one answer. */
const mostLines = 3;

/** What the evidence of a service means for its role. Undefined: nothing that tells it was seen. */
export function needOf(evidence: Evidence, facts: NeedFacts): Need | undefined {
  const { uses, ddl } = evidence;
  if (uses.length === 0 && ddl.length === 0 && facts.changes.length === 0) return undefined;
  const migration = migrationOf(evidence, facts);
  const level = levelOf(evidence, migration.migrates, facts);
  const standing = { access: level.access, schemas: facts.schemas, alsoOwned: alsoOwned(uses, facts) };
  const beyond = beyondAccess(evidence, standing, facts);
  return {
    access: level.access,
    migrates: migration.migrates,
    grants: grantsOf(beyond),
    alsoOwn: [...new Set(beyond.flatMap(({ alsoOwn }) => alsoOwn ?? []))].toSorted(),
    reasons: [
      ...level.reasons,
      ...migration.reasons,
      ...beyond.map(({ reason }) => reason),
      ...[...new Set(evidence.unknown.map(({ reason }) => reason))].map((what) => reasonOf("unknown", what, "likely")),
    ],
  };
}

function migrationOf(evidence: Evidence, facts: NeedFacts): { migrates: Migrates; reasons: Reason[] } {
  const { ddl, unknown, statements } = evidence;
  if (ddl.length > 0) {
    const reasons = ddl.slice(0, mostLines).map((each) => {
      const what = firstWords(each.example);
      return reasonOf("migrates", what, "certain", seenLine(what, each, facts.now));
    });
    return { migrates: true, reasons };
  }
  if (facts.changes.length > 0) {
    const reasons = facts.changes.map((change) =>
      reasonOf("migrates", `${change}, and no other client uses the database`, "likely"),
    );
    return { migrates: true, reasons };
  }
  const { isComplete, sawStart } = facts.watch;
  const hidden = unknown.find(({ reason }) => canHideDdl.test(reason) || isUnread.test(reason))?.reason;
  if (!isComplete || !sawStart) return { migrates: "unconfirmed", reasons: [] };
  if (hidden !== undefined) return { migrates: "unconfirmed", reasons: [reasonOf("hides DDL", hidden, "likely")] };
  const what = "no DDL, and its start was watched";
  const line = `no DDL in ${statements} statements, and its start was watched`;
  return { migrates: false, reasons: [reasonOf("migrates", what, "certain", line)] };
}

function levelOf(
  { uses, unknown }: Evidence,
  migrates: Migrates,
  facts: NeedFacts,
): { access: Access; reasons: Reason[] } {
  const { schemas, sawEverything, unexplained, now } = facts;
  const because = (deciding: Use[]): Reason[] => {
    const certain = deciding.filter(({ certainty }) => certainty === "certain");
    return (certain.length > 0 ? certain : deciding)
      .slice(0, mostLines)
      .map((use) => reasonOf("access", useText(use), use.certainty, evidenceLine(use, now)));
  };
  const owned = uses.filter((use) => isOwners(use, facts));
  if (migrates === true || owned.length > 0) return { access: "owner", reasons: because(owned) };
  const inSchemas = uses.filter(({ kind, schema }) => kind === "table" && schemas.includes(schema));
  const written = inSchemas.filter(({ privilege }) => writes.includes(privilege));
  if (written.length > 0) return { access: "writer", reasons: because(written) };
  if (!sawEverything && unexplained.length > 0) {
    const tables = unexplained.slice(0, mostLines).join(", ");
    const what = `only reads were seen, but ${tables} was written by a statement that was not`;
    return { access: "writer", reasons: [reasonOf("access", what, "likely")] };
  }
  const hasUnread = unknown.some(({ reason }) => isUnread.test(reason));
  const what = !sawEverything
    ? "only reads were seen, in samples of its statements"
    : hasUnread
      ? "only reads were seen, but not every statement could be read"
      : "it only reads";
  const certainty = sawEverything && !hasUnread ? "certain" : "likely";
  return { access: "reader", reasons: [reasonOf("access", what, certainty), ...because(inSchemas)] };
}

/** Whether only the owner of the objects in the schemas can do it. */
function isOwners(use: Use, { schemas, names }: NeedFacts): boolean {
  const { kind, name, privilege } = use;
  if (kind === "schema") return privilege === "CREATE" && schemas.includes(name);
  return privilege === "OWNER" && usedObject(use, names)?.isSuperusers === true;
}

/** Ledgers, and what only their owner can do, outside the schemas. */
function alsoOwned(uses: Use[], { schemas, ledgers, names }: NeedFacts): Set<string> {
  const owned = uses.filter((use) => {
    const object = use.privilege === "OWNER" ? usedObject(use, names) : undefined;
    return object && canAlsoOwn(use, object, schemas);
  });
  return new Set([...ledgers, ...owned.map(({ schema, name }) => `${schema}.${name}`)]);
}

function reasonOf(subject: string, what: string, certainty: Certainty, line = what): Reason {
  return { subject, line, what, certainty };
}

function firstWords(sql: string): string {
  return sql.length > 80 ? `${sql.slice(0, 79)}…` : sql;
}
