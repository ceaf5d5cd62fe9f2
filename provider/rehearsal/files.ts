import { readFile } from "node:fs/promises";
import type { SqlFile } from "./goal.ts";

/** A relative path starts at the project's folder, where both the command and the plugin run. Throws what is wrong with it. */
export async function readSqlFile(name: string): Promise<SqlFile> {
  try {
    return { name, text: await readFile(name, "utf8") };
  } catch (error) {
    throw new Error(`cannot read ${name}: ${(error as Error).message}`);
  }
}
