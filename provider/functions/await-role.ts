import { z } from "zod";
import { awaitRoleWriters } from "../catalog/role-writers.ts";
import type { Server } from "../connection.ts";
import type { ProviderFunction } from "../rpc/provider.ts";

const schema = z.strictObject({ role: z.string() });

/** Called just before the official Role is changed, which waits without a word for whoever else changes the role. */
export function awaitRole(server: Server): ProviderFunction {
  return async (args, { signal }) => {
    const { role } = schema.parse(args);
    await server.session(undefined, (db) => awaitRoleWriters(db, role, signal));
    return { result: {} };
  };
}
