import { z } from "zod";
import { budgetEntry } from "../../model/budget.ts";
import { defineContract } from "../contract.ts";

/** The declared budget against the live server; every role depends on it. */
export const connectionBudgetContract = defineContract({
  token: "pgaccess:index:ConnectionBudget",
  description: "The declared connection budget, checked against the live server and every login role there.",
  inputs: {
    ceiling: z
      .int()
      .positive()
      .describe("Connections all roles together may be promised; 95 leaves the reserved slots and room for an admin."),
    entries: z.array(budgetEntry),
    assumed: z
      .array(z.string())
      .optional()
      .describe("Roles of the stack that login roles SET ROLE to; of one that still logs in itself `LoginTurn` warns."),
    enforced: z.array(z.string()).optional().describe("Existing roles that this stack gives their limit."),
    databases: z.array(z.string()).optional().describe("The declared databases."),
    access: z
      .record(z.string(), z.array(z.string()))
      .optional()
      .describe("Database to the roles that this up gives CONNECT there. Default: only what is granted now counts."),
    closed: z.array(z.string()).optional().describe("Databases where this up takes CONNECT from PUBLIC."),
    legacyUsers: z.array(z.string()).optional().describe("Users that services still log in as."),
    superuser: z.boolean().optional().describe("Whether the admin is declared to be a superuser."),
    migrationComplete: z
      .boolean()
      .optional()
      .describe("Whether every service is on its role for good; what the policies ask for then."),
  },
  observed: { undeclared: z.unknown(), unlimited: z.unknown(), superusers: z.unknown() },
});
