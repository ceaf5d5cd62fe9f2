import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { type Document, isMap, isScalar, parseDocument } from "yaml";
import { cutoverProblem } from "../model/cutover.ts";
import type { ConnectAs } from "../model/stack.ts";
import { writeFileAtomically } from "../provider/write-file.ts";

/**
 * Sets a service's connectAs in Pulumi.<stack>.yaml; comments, order, mode and a symbolic link stay. Throws if the file is
 * missing or does not declare the service. Returns whether it changed.
 */
export async function setConnectAs(stack: string, service: string, connectAs: ConnectAs): Promise<boolean> {
  const file = stackFile(stack);
  const text = await withConnectAs(file, service, connectAs);
  if (text === undefined) return false;
  await writeFileAtomically(file, text, { mode: "keep", owner: "keep", encoding: "utf8" });
  return true;
}

/** The name of the file with a stack's configuration. */
export function stackFile(stack: string): string {
  // A stack of Pulumi Cloud may include its organization and project.
  return `Pulumi.${stack.slice(stack.lastIndexOf("/") + 1)}.yaml`;
}

/**
 * Sets a service's migrates, with a comment in place of the previous one before the key. Throws if the file is missing, does not
 * declare the service, or would be refused: a service that migrates must use the owner's role. Then the file is unchanged.
 */
export async function setMigrates(stack: string, service: string, migrates: boolean, evidence: string): Promise<void> {
  const file = stackFile(stack);
  const { document, path, text } = await readService(file, service);
  const declared = document.toJS() as { config: Record<string, Record<string, Record<string, string>>> };
  const { database = "", role = "", connectAs = "legacy" } = declared.config["app-roles:services"]?.[service] ?? {};
  const owner = declared.config["app-roles:databases"]?.[database]?.owner;
  const problem = cutoverProblem(
    { database, role, migrates, connectAs: connectAs as ConnectAs },
    owner === undefined ? {} : { owner },
  );
  if (problem)
    throw new Error(`${file} was not changed: app-roles:services.${service}.${problem.key}: ${problem.message}`);
  document.setIn([...path, "migrates"], migrates);
  const node = document.getIn(path);
  const pair = isMap(node)
    ? node.items.find(({ key }) => String(isScalar(key) ? key.value : key) === "migrates")
    : undefined;
  if (pair) {
    const key = document.createNode("migrates");
    key.commentBefore = evidence.replaceAll(/[^\S\n]*\n\s*/g, " ").replaceAll(/^/gm, " ");
    pair.key = key;
  }
  await writeFileAtomically(file, printed(document, text), {
    mode: "keep",
    owner: "keep",
    encoding: "utf8",
  });
}

/** A private copy of the stack's file with a service's connectAs set: if the up that reads it is killed, the file is unchanged. */
export class StackFileCopy {
  readonly #folder: string;
  readonly file: string;
  /** Arguments for the up that reads it. */
  readonly args: string[];

  private constructor(folder: string, file: string) {
    this.#folder = folder;
    this.file = file;
    this.args = ["--config-file", file];
  }

  static async create(stack: string, service: string, connectAs: ConnectAs): Promise<StackFileCopy> {
    const file = stackFile(stack);
    return StackFileCopy.#of(file, (await withConnectAs(file, service, connectAs)) ?? (await readFile(file, "utf8")));
  }

  /** An exact copy: the preview and the up that read it have the same configuration. */
  static async exact(stack: string): Promise<StackFileCopy> {
    return StackFileCopy.#of(stackFile(stack), await readStackFile(stackFile(stack)));
  }

  static async #of(file: string, text: string): Promise<StackFileCopy> {
    const folder = await mkdtemp(join(tmpdir(), "app-roles-stack-"));
    const copy = join(folder, basename(file));
    await writeFile(copy, text, { mode: 0o600 });
    return new StackFileCopy(folder, copy);
  }

  async remove(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** The file's text with connectAs set; undefined if it is set already. */
async function withConnectAs(file: string, service: string, connectAs: ConnectAs): Promise<string | undefined> {
  const { document, path, text } = await readService(file, service);
  if ((document.getIn([...path, "connectAs"]) ?? "legacy") === connectAs) return undefined;
  document.setIn([...path, "connectAs"], connectAs);
  return printed(document, text);
}

/** The file and the path of the service in it. Throws if the file is missing or does not declare the service. */
async function readService(
  file: string,
  service: string,
): Promise<{ document: Document; path: string[]; text: string }> {
  const text = await readStackFile(file);
  const document = parseDocument(text);
  const path = ["config", "app-roles:services", service];
  if (!document.hasIn(path)) {
    const names = declaredServices(text);
    const declares = names.length > 0 ? `; it declares ${names.join(", ")}` : "";
    throw new Error(`${file} declares no service ${service} under app-roles:services${declares}`);
  }
  return { document, path, text };
}

/** With spaces inside `{}` and `[]` where the text has them. */
function printed(document: Document, text: string): string {
  return document.toString({ lineWidth: 0, flowCollectionPadding: /[{[] +\S/.test(text) });
}

async function readStackFile(file: string): Promise<string> {
  return readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new Error(`cannot read ${file}: ${error.code}; run this in the folder of Pulumi.yaml`);
  });
}

/** The services in a stack file's text, in cutover order, which Pulumi loses because it sorts the keys of an object. */
export function declaredServices(text: string): string[] {
  const services = parseDocument(text).getIn(["config", "app-roles:services"]);
  if (!isMap(services)) return [];
  return services.items.map(({ key }) => String(isScalar(key) ? key.value : key));
}
