import { z } from "zod";
import { declaredAccess } from "../../model/declared-access.ts";
import type { RoleRecord } from "../baseline/contract.ts";
import { defineContract, orText, orUnknown } from "../contract.ts";

/** The part of the Baseline's snapshot that changes of owner are planned with. */
const former = z.object({
  stack: z.string().optional(),
  ids: z.record(z.string(), z.string()).optional(),
  owners: z.record(z.string(), z.string()),
  acls: z.record(z.string(), z.array(z.string())),
  columnAcls: z.record(z.string(), z.record(z.string(), z.array(z.string()))),
  roles: z.record(
    z.string(),
    z.custom<RoleRecord | null>((value) => typeof value === "object"),
  ),
  defaultPrivileges: z.array(
    z.object({
      creator: z.string(),
      schema: z.string().nullable(),
      objectType: z.string(),
      acl: z.array(z.string()),
    }),
  ),
});

/** Owners of the objects in a database's schemas. */
export const ownershipContract = defineContract({
  token: "pgaccess:index:Ownership",
  description:
    "Owner of every object in a database's schemas, including TimescaleDB's hypertables, aggregates and jobs.",
  inputs: {
    database: z.string().describe("The database whose objects are owned."),
    owner: z.string().describe("Role that becomes the owner of every object in the schemas."),
    schemas: z.array(z.string()).describe("The schemas whose objects are managed."),
    keepOwner: z
      .record(z.string(), z.string())
      .default({})
      .describe("Object, or a pattern with `*` and `?`, to the role that stays its owner."),
    alsoOwn: z.array(z.string()).default([]).describe("Single objects outside the schemas."),
    roles: z
      .array(z.string())
      .describe("All roles that this stack creates; Privileges grants their default privileges."),
    former: orUnknown(orText(former)).describe("The Baseline's snapshot."),
    legacyUsers: z.array(z.string()).optional().describe("Users that services still log in as."),
    declared: declaredAccess
      .optional()
      .describe("The stack's declaration for this database. Default: this up grants privileges to the owner only."),
  },
});
