import { z } from "zod";
import { defineContract } from "../../contract.ts";

/** Which of a role's two login roles is in force. */
export const loginTurnContract = defineContract({
  token: "pgaccess:index:LoginTurn",
  description: "Which of a role's two login roles its services are given; another one with each rotation.",
  inputs: {
    role: z.string().min(1).describe("The role that both SET ROLE to."),
    logins: z
      .tuple([z.string().min(1), z.string().min(1)])
      .describe("The two login roles, in the order of their turns."),
    rotate: z
      .boolean()
      .optional()
      .describe("Whether this up is a rotation: the other login role's turn. Default: it stays."),
  },
  decided: {
    turn: z.int().describe("Rotations so far."),
    inForce: z.string().describe("The login role that services are given."),
    former: z.string().describe("The previous one; empty until the first rotation."),
    keepsLogin: z.boolean().describe("Whether the role still logs in itself, as it did before it had the two."),
  },
});
