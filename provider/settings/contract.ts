import { z } from "zod";
import { roleRecord } from "../baseline/contract.ts";
import { defineContract, orUnknown } from "../contract.ts";

/** Numbers and booleans may be written as such. */
const values = z.record(z.string().min(1), orUnknown(z.union([z.string(), z.number(), z.boolean()])));

/** A role as the Baseline recorded it, with its password's verifier; null when it had none. */
const formerRole = roleRecord.extend({ verifier: z.string().nullable() });

/** Settings of a role that the official Role does not know. */
export const roleSettingsContract = defineContract({
  token: "pgaccess:index:RoleSettings",
  description: "Settings of one role, everywhere or in one database; values compare with their units.",
  inputs: {
    role: z.string().min(1),
    settings: values.default({}).describe("Setting to value, for the role's sessions in every database."),
    databases: z.record(z.string().min(1), values).default({}).describe("Database to settings that hold there only."),
    before: orUnknown(z.record(z.string(), z.array(z.string())))
      .default({})
      .describe(
        "What was set before this stack came: database (empty: all) to `name=value` entries. None for a role the stack made.",
      ),
    former: orUnknown(formerRole)
      .optional()
      .describe("What the Baseline recorded of a role that the stack took over: it gets all of it back, and stays."),
    setElsewhere: z
      .array(z.string())
      .optional()
      .describe(
        "Settings that are declared for it and not written here: the official Role's, and those left unset on purpose.",
      ),
    usedIn: z.array(z.string()).optional().describe("Databases the role has access to."),
    legacyUsers: z.array(z.string()).optional().describe("Users that services still log in as."),
  },
});
