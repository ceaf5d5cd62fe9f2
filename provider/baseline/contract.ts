import { z } from "zod";
import { declaredAccess } from "../../model/declared-access.ts";
import { defineContract } from "../contract.ts";

const membership = z.object({
  role: z.string(),
  grantor: z.string(),
  admin: z.boolean(),
  inherit: z.boolean().nullable().describe("Null before PostgreSQL 16, where the member's own INHERIT decides."),
  set: z.boolean().nullable().describe("Null before PostgreSQL 16, where every member may SET ROLE."),
});

/** A role with everything but its password. */
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
 * What was there before the stack changed anything in one database. It is saved in the state before the first change,
 * and what is recorded once is never recorded anew: a run that was killed behind its commit would otherwise take its
 * own work for the former state.
 */
export interface Snapshot {
  /** Tells this stack from others that have the same name. */
  stack?: string | undefined;
  /** Kind and OID by object, linked sequence and `schema x`: objects may be renamed and moved. */
  ids?: Record<string, string> | undefined;
  /** Schemas recorded so far. */
  schemas: string[];
  /** Object to owner. */
  owners: Record<string, string>;
  /**
   * Explicit privileges (aclitems) by object, linked sequence, `schema x` and `database x`; where there are none the
   * defaults held.
   */
  acls: Record<string, string[]>;
  /** Explicit column privileges by object and column. */
  columnAcls: Record<string, Record<string, string[]>>;
  /** Linked and identity sequences to the table whose owner they have. */
  linked: Record<string, string>;
  /** TimescaleDB jobs to their owners. */
  jobs: Record<string, string>;
  /** Rows of pg_default_acl: those of the schemas and those for all schemas. */
  defaultPrivileges: DefaultAcl[];
  /** Managed roles: null when there was no such role, else what it was like. */
  roles: Record<string, RoleRecord | null>;
  /** Roles that the stack changes although they are not its own; null when there was no such role. */
  existingRoles: Record<string, RoleRecord | null>;
}

export interface DefaultAcl {
  creator: string;
  /** Null: for all schemas. */
  schema: string | null;
  /** pg_default_acl's letter: r relations, S sequences, f functions, T types, n schemas, L large objects. */
  objectType: string;
  acl: string[];
}

/** A privilege that a role held before the stack adopted it. */
export const heldPrivilege = z.strictObject({ object: z.string(), privilege: z.string(), grantable: z.boolean() });

/** What was there in one database before the stack changed anything; saved before the first change. */
export const baselineContract = defineContract({
  token: "pgaccess:index:Baseline",
  description: "What was there in a database before the stack changed anything: owners, privileges, settings, limits.",
  inputs: {
    database: z.string(),
    schemas: z.array(z.string()),
    keepOwner: z
      .record(z.string(), z.string())
      .default({})
      .describe("Object, or a pattern with `*` and `?`, to the role it stays with."),
    alsoOwn: z.array(z.string()).default([]),
    roles: z
      .array(z.string())
      .describe("The roles this stack makes: they must not exist before, unless they are to be adopted."),
    adopt: z.array(z.string()).optional().describe("Those of the roles that are there already and are taken over."),
    existingRoles: z
      .array(z.string())
      .optional()
      .describe("Roles that are there already and are changed all the same."),
    legacyUsers: z.array(z.string()).optional().describe("Users that services still log in as."),
    declared: declaredAccess
      .optional()
      .describe("What the stack declares here. Default: the roles get nothing by this up."),
  },
  observed: {
    snapshot: z
      .custom<Snapshot>()
      .describe(
        "Previous owners, privileges, default privileges, settings and limits; other resources restore from it.",
      ),
    held: z.record(z.string(), z.array(heldPrivilege)).describe("What adopted roles held by name, by role."),
    verifiers: z.record(z.string(), z.string().nullable()).describe("Password verifiers of adopted roles; secret."),
  },
});
