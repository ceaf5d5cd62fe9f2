import { z } from "zod";
import { roleRecord } from "../baseline/contract.ts";
import { defineContract, orUnknown } from "../contract.ts";

const values = z.record(z.string().min(1), orUnknown(z.union([z.string(), z.number(), z.boolean()])));

const baselineRole = roleRecord.extend({
  verifier: z.string().nullable().describe("Verifier of the password; null without a password."),
});

export const roleSettingsContract = defineContract({
  token: "pgaccess:index:RoleSettings",
  description:
    "Settings of one role, in all databases or in one, that the official Role does not manage. Values are compared with their units.",
  inputs: {
    role: z.string().min(1).describe("Name of the role."),
    settings: values.default({}).describe("Setting to value, for the role's sessions in all databases. Default: none."),
    databases: z
      .record(z.string().min(1), values)
      .default({})
      .describe("Database to settings for the role's sessions in it only. Default: none."),
    before: orUnknown(z.record(z.string(), z.array(z.string())))
      .default({})
      .describe(
        "Settings in the baseline: database (empty: all) to `name=value` entries. Default: none, as for a role that the stack creates.",
      ),
    former: orUnknown(baselineRole)
      .optional()
      .describe("Baseline of an adopted role, which is restored and kept when the resource is deleted. Default: none."),
    setElsewhere: z
      .array(z.string())
      .optional()
      .describe("Settings that the official Role manages, or that are left unset on purpose. Default: none."),
    usedIn: z.array(z.string()).optional().describe("Databases that the role has access to. Default: none."),
    legacyUsers: z.array(z.string()).optional().describe("Legacy users that services log in as. Default: none."),
  },
});
