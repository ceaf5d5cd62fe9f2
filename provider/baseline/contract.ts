import { z } from "zod";
import { declaredAccess } from "../../model/declared-access.ts";
import { defineContract } from "../contract.ts";

const membership = z.object({
  role: z.string(),
  grantor: z.string(),
  admin: z.boolean(),
  inherit: z.boolean().nullable().describe("Null before PostgreSQL 16, where INHERIT of the member applies."),
  set: z.boolean().nullable().describe("Null before PostgreSQL 16, where every member can SET ROLE."),
});

/** A role without its password. */
export const roleRecord = z.object({
  connectionLimit: z.int().describe("-1: unlimited."),
  canLogin: z.boolean(),
  superuser: z.boolean(),
  createRole: z.boolean(),
  createDatabase: z.boolean(),
  inherit: z.boolean(),
  replication: z.boolean(),
  bypassRowLevelSecurity: z.boolean(),
  validUntil: z.string().nullable().describe("Null: it never expires."),
  memberships: z.array(membership).describe("The roles it is a member of."),
  settings: z
    .record(z.string(), z.array(z.string()))
    .describe("`name=value` as in pg_db_role_setting, by database; the empty name for all databases."),
});
export type RoleRecord = z.infer<typeof roleRecord>;

/**
 * The baseline of one database: its state before the stack changed anything. It is saved in the Pulumi state before the first
 * change and never overwritten: after a run that was killed after its commit, the stack's own changes would be recorded.
 */
export interface Snapshot {
  /** Distinguishes this stack from others with the same name. */
  stack?: string | undefined;
  /** Kind and OID by object, linked sequence and `schema x`, because objects can be renamed and moved. */
  ids?: Record<string, string> | undefined;
  /** Schemas recorded so far. */
  schemas: string[];
  /** Object to its owner. */
  owners: Record<string, string>;
  /**
   * Explicit privileges (aclitems) by object, linked sequence, `schema x` and `database x`; objects with default privileges
   * are missing.
   */
  acls: Record<string, string[]>;
  /** Explicit column privileges by object and column. */
  columnAcls: Record<string, Record<string, string[]>>;
  /** Serial and identity sequences to the table whose owner they have. */
  linked: Record<string, string>;
  /** TimescaleDB jobs to their owners. */
  jobs: Record<string, string>;
  /** Rows of pg_default_acl for these schemas and for all schemas. */
  defaultPrivileges: DefaultAcl[];
  /** The stack's roles; null if the role did not exist. */
  roles: Record<string, RoleRecord | null>;
  /** Existing roles that the stack changes; null if the role did not exist. */
  existingRoles: Record<string, RoleRecord | null>;
}

/** The snapshot of a Baseline's outputs: JSON text, or a map in an older state. */
export function parseSnapshot(snapshot: string | Snapshot): Snapshot {
  return typeof snapshot === "string" ? (JSON.parse(snapshot) as Snapshot) : snapshot;
}

export interface DefaultAcl {
  creator: string;
  /** Null: all schemas. */
  schema: string | null;
  /** As in pg_default_acl: r relations, S sequences, f functions, T types, n schemas, L large objects. */
  objectType: string;
  acl: string[];
}

/** A privilege that a role had before the stack adopted it. */
export const heldPrivilege = z.strictObject({ object: z.string(), privilege: z.string(), grantable: z.boolean() });

/** The state of one database before the stack changed anything; saved before the first change. */
export const baselineContract = defineContract({
  token: "pgaccess:index:Baseline",
  description: "The state of a database before the stack changed anything: owners, privileges, settings, limits.",
  inputs: {
    database: z.string().describe("The database that the baseline is of."),
    schemas: z.array(z.string()).describe("The schemas whose objects are managed."),
    keepOwner: z
      .record(z.string(), z.string())
      .default({})
      .describe("Object, or a pattern with `*` and `?`, to the role that stays its owner."),
    alsoOwn: z.array(z.string()).default([]).describe("Managed objects outside these schemas, as `schema.object`."),
    roles: z
      .array(z.string())
      .describe("The roles that this stack creates. They must not exist yet, unless they are adopted."),
    adopt: z.array(z.string()).optional().describe("Existing roles among `roles` that the stack adopts."),
    existingRoles: z
      .array(z.string())
      .optional()
      .describe("Existing roles that the stack changes without adopting them."),
    legacyUsers: z.array(z.string()).optional().describe("Users that services still log in as."),
    declared: declaredAccess
      .optional()
      .describe("The stack's declaration for this database. Default: this up grants the roles nothing."),
  },
  secrets: ["verifiers"],
  texts: ["snapshot"],
  observed: {
    snapshot: z
      .custom<Snapshot | string>()
      .describe(
        "JSON of the previous owners, privileges, default privileges, settings and limits; other resources restore from it.",
      ),
    held: z
      .record(z.string(), z.array(heldPrivilege))
      .describe("Privileges that were granted to adopted roles by name, by role."),
    verifiers: z.record(z.string(), z.string().nullable()).describe("Password verifiers of adopted roles; secret."),
  },
});
