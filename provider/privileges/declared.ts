import { z } from "zod";
import { type Access, accessLevels } from "./access-levels.ts";
import { type ExplicitGrants, explicitGrants } from "./explicit-grants.ts";

/** What the stack declares about one database: what a warning about the state after the up is judged by. */
export interface Declared {
  schemas: string[];
  /** Undefined: objects stay with their owners. */
  owner?: string | undefined;
  keepOwner: Record<string, string>;
  alsoOwn: string[];
  /** Every role that the stack makes or adopts; `{}` for one without access to this database. */
  roles: Record<string, DeclaredRole>;
}

export interface DeclaredRole {
  access?: Access | undefined;
  grants?: ExplicitGrants | undefined;
}

/** `Declared` as an input of a resource. */
export const declared = z.strictObject({
  schemas: z.array(z.string()),
  owner: z.string().optional(),
  keepOwner: z.record(z.string(), z.string()).default({}),
  alsoOwn: z.array(z.string()).default([]),
  roles: z.record(
    z.string(),
    z.strictObject({ access: z.enum(accessLevels).optional(), grants: explicitGrants.optional() }),
  ),
});
