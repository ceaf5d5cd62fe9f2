import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { type Document, parseDocument } from "yaml";

/** The namespace of the project's configuration keys. */
const NAMESPACE = "app-roles";

/** The keys of a value, as a list or as one string with dots: `services.dashboard_api.connectAs`. */
export type ConfigPath = string | (string | number)[];

/**
 * Sets a value in a Pulumi.<stack>.yaml, or removes it if undefined. Keeps comments and order. Creates the file if it does
 * not exist.
 */
export async function setInStackFile(file: string, path: ConfigPath, value: unknown): Promise<void> {
  const document: Document = parseDocument(existsSync(file) ? await readFile(file, "utf8") : "{}");
  const [key, ...rest] = typeof path === "string" ? path.split(".") : path;
  const full = ["config", `${NAMESPACE}:${key}`, ...rest];
  if (value === undefined) document.deleteIn(full);
  else document.setIn(full, document.createNode(value));
  await writeFile(file, String(document));
}
