import { z } from "zod";
import { defineContract } from "../../contract.ts";

/** Which of a role's two login roles is in force. */
export const loginTurnContract = defineContract({
  token: "pgaccess:index:LoginTurn",
  description: "Which of a role's two login roles its services use; it changes with each rotation.",
  inputs: {
    role: z.string().min(1).describe("The role that both SET ROLE to."),
    logins: z
      .tuple([z.string().min(1), z.string().min(1)])
      .describe("The two login roles, in the order of their turns."),
    rotate: z
      .boolean()
      .optional()
      .describe("Whether this up is a rotation, which switches to the other login role. Default: false."),
  },
  decided: {
    turn: z.int().describe("Rotations so far."),
    inForce: z.string().describe("The login role that services use."),
    former: z.string().describe("The previous one; empty until the first rotation."),
    keepsLogin: z.boolean().describe("Whether the role itself can still log in, as before it had login roles."),
  },
});
