import { z } from "zod";
import { budgetEntry } from "../../model/budget.ts";
import { defineContract } from "../contract.ts";

export const connectionBudgetContract = defineContract({
  token: "pgaccess:index:ConnectionBudget",
  description: "The declared connection budget, checked against the live server and every login role there.",
  inputs: {
    ceiling: z
      .int()
      .positive()
      .describe(
        "Maximum sum of all connection limits. 95 leaves the reserved slots and room for an admin when max_connections is 100.",
      ),
    entries: z.array(budgetEntry).describe("Roles in the budget, with their connection limits."),
    assumed: z
      .array(z.string())
      .optional()
      .describe(
        "Roles that login roles in the budget SET ROLE to, not counted in addition; `LoginTurn` warns when one of them can log in itself. Default: none.",
      ),
    enforced: z.array(z.string()).optional().describe("Existing roles whose limit the stack sets. Default: none."),
    databases: z.array(z.string()).optional().describe("Declared databases. Default: none."),
    access: z
      .record(z.string(), z.array(z.string()))
      .optional()
      .describe("Database to the roles that the up grants CONNECT on it. Default: only current privileges count."),
    closed: z
      .array(z.string())
      .optional()
      .describe("Databases on which the up revokes CONNECT from PUBLIC. Default: none."),
    legacyUsers: z.array(z.string()).optional().describe("Legacy users that services log in as. Default: none."),
    superuser: z.boolean().optional().describe("Whether the admin is declared as a superuser. Default: false."),
    migrationComplete: z
      .boolean()
      .optional()
      .describe("Whether the migration is declared complete, for the policies. Default: false."),
  },
  observed: {
    undeclared: z.unknown().describe("Login roles that are not in the budget, with their limits in words."),
    unlimited: z.unknown().describe("Existing roles without a limit, or with a higher one than declared, in words."),
    superusers: z.unknown().describe("Login roles that are superusers, to which no limit applies."),
  },
});
