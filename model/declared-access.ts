import { z } from "zod";
import { grants } from "./grants.ts";
import { accessLevels } from "./stack.ts";

/** What the stack declares about one database: warnings describe the state after the up by it. */
export const declaredAccess = z.strictObject({
  schemas: z.array(z.string()),
  owner: z.string().optional().describe("Default: objects stay with their owners."),
  keepOwner: z.record(z.string(), z.string()).default({}),
  alsoOwn: z.array(z.string()).default([]),
  roles: z
    .record(z.string(), z.strictObject({ access: z.enum(accessLevels).optional(), grants: grants.optional() }))
    .describe("Every role that the stack creates or adopts; `{}` for one without access to this database."),
});
export type DeclaredAccess = z.infer<typeof declaredAccess>;
