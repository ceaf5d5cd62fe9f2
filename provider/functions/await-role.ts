import { z } from "zod";
import type { Server } from "../postgres/connection.ts";
import type { ProviderFunction } from "../rpc/provider.ts";
import { awaitRoleContract } from "./contracts.ts";
import { awaitRoleWriters } from "./role-writers.ts";

const schema = z.strictObject(awaitRoleContract.inputs);

/** Called just before the official Role is changed, which waits without a word for whoever else changes the role. */
export function awaitRole(server: Server): ProviderFunction {
  return async (args, { signal }) => {
    const { role } = schema.parse(args);
    await server.session(undefined, (db) => awaitRoleWriters(db, role, signal));
    return { result: {} };
  };
}
