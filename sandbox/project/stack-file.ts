import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { type Document, parseDocument } from "yaml";

/** The namespace of the project's configuration keys. */
const NAMESPACE = "app-roles";

/** One step into the configuration each, or all of them in one string with dots: `services.dashboard_api.connectAs`. */
export type ConfigPath = string | (string | number)[];

/**
 * Changes one value in a Pulumi.<stack>.yaml, as a person's edit would: comments and order stay. Undefined removes it.
 * The file is made when it is not there.
 */
export async function setInStackFile(file: string, path: ConfigPath, value: unknown): Promise<void> {
  const document: Document = parseDocument(existsSync(file) ? await readFile(file, "utf8") : "{}");
  const [key, ...rest] = typeof path === "string" ? path.split(".") : path;
  const full = ["config", `${NAMESPACE}:${key}`, ...rest];
  if (value === undefined) document.deleteIn(full);
  else document.setIn(full, document.createNode(value));
  await writeFile(file, String(document));
}
