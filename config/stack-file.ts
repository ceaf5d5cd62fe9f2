import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { parseDocument } from "yaml";
import type { ConnectAs } from "../model/stack.ts";
import { writeFileAtomically } from "../provider/write-file.ts";

/**
 * Sets a service's switch in Pulumi.<stack>.yaml, as a person's edit would: comments, order and the file's mode stay, and a
 * symbolic link is written through. Throws when the file is not there or declares no such service. True: it was changed.
 */
export async function setConnectAs(stack: string, service: string, connectAs: ConnectAs): Promise<boolean> {
  const file = stackFile(stack);
  const text = await withConnectAs(file, service, connectAs);
  if (text === undefined) return false;
  await writeFileAtomically(file, text, { mode: "keep", encoding: "utf8" });
  return true;
}

/** The name of the file with a stack's configuration. */
export function stackFile(stack: string): string {
  // A stack of Pulumi Cloud may be named with its organisation and project.
  return `Pulumi.${stack.slice(stack.lastIndexOf("/") + 1)}.yaml`;
}

/**
 * A private copy of the stack's file with a service's switch set: an up that is given it can be killed at any moment, and the
 * file that the next one reads says what it said before.
 */
export class StackFileCopy {
  readonly #folder: string;
  /** Arguments of the up that is to read it. */
  readonly args: string[];

  private constructor(folder: string, file: string) {
    this.#folder = folder;
    this.args = ["--config-file", file];
  }

  static async create(stack: string, service: string, connectAs: ConnectAs): Promise<StackFileCopy> {
    const file = stackFile(stack);
    const text = (await withConnectAs(file, service, connectAs)) ?? (await readFile(file, "utf8"));
    const folder = await mkdtemp(join(tmpdir(), "app-roles-stack-"));
    const copy = join(folder, basename(file));
    await writeFile(copy, text, { mode: 0o600 });
    return new StackFileCopy(folder, copy);
  }

  async remove(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** The file's text with the switch set; undefined: it is set already. */
async function withConnectAs(file: string, service: string, connectAs: ConnectAs): Promise<string | undefined> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new Error(`cannot read ${file}: ${error.code}; run this in the folder of Pulumi.yaml`);
  });
  const document = parseDocument(text);
  const path = ["config", "app-roles:services", service];
  if (!document.hasIn(path)) throw new Error(`${file} declares no service ${service} under app-roles:services`);
  if ((document.getIn([...path, "connectAs"]) ?? "legacy") === connectAs) return undefined;
  document.setIn([...path, "connectAs"], connectAs);
  return document.toString({ lineWidth: 0 });
}
