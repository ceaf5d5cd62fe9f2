import { lstat, mkdir, readFile, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { switches } from "../../model/switches.ts";
import { writeFileAtomically } from "../write-file.ts";
import { marker } from "./script.ts";

/** A service's script in the folder of the rollback kit, accessible only to its owner. */
export class KeptScript {
  readonly path: string;
  readonly #folder: string;

  constructor(folder: string, service: string) {
    this.#folder = resolve(folder);
    this.path = join(this.#folder, fileName(service));
  }

  /** How the kept script differs from this text (latin1); undefined if it does not. Changes nothing. */
  async difference(text: string): Promise<string | undefined> {
    await this.#refuseFolder();
    const found = await this.#read();
    if (!found) return "does not exist yet";
    if (found.mode !== 0o700) return `has mode ${found.mode.toString(8)} instead of 700`;
    return found.text === text ? undefined : "is outdated";
  }

  /** Atomic: a reader sees the previous or the new script, also after a crash. */
  async write(text: string): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    await this.#refuseFolder();
    await this.#read();
    await writeFileAtomically(this.path, text, { mode: 0o700 });
  }

  /** Idempotent. Throws if the file is not a rollback script. */
  async remove(): Promise<void> {
    if (await this.#read()) await rm(this.path, { force: true });
  }

  async #read(): Promise<{ text: string; mode: number } | undefined> {
    const found = await lstat(this.path).catch(whenMissing);
    if (!found) return undefined;
    const text = found.isFile() ? await readFile(this.path, "latin1") : "";
    if (text.split("\n")[1] === marker) return { text, mode: found.mode & 0o777 };
    throw new Error(
      `${this.path} is not a script of the rollback kit: move it, or set app-roles:rollbackKit to another folder`,
    );
  }

  /** A user who can write to the folder could replace the script. */
  async #refuseFolder(): Promise<void> {
    const found = await stat(this.#folder).catch(whenMissing);
    if (!found) return;
    const here = `app-roles:rollbackKit: ${this.#folder}`;
    if (!found.isDirectory()) throw new Error(`${here} is not a folder`);
    if ((found.mode & 0o022) !== 0 || found.uid !== process.getuid?.()) {
      throw new Error(
        `${here}: other users own the folder or can write to it, and could replace the scripts; make it writable only by you (chmod 700), or choose another folder`,
      );
    }
  }
}

/** A unique file name for each service, whatever its characters. */
function fileName(service: string): string {
  const safe = encodeURIComponent(service).replace(/^\./, "%2E");
  return `${safe.replace(/[!'()*~]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)}.sh`;
}

function whenMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code === "ENOENT") return undefined;
  throw error;
}

/** A service whose script a command requests, and the private folder to write it to. */
export interface Handover {
  service: string;
  folder: string;
}

/** Where to write the service's script for the command that runs this up; undefined if none requests it. */
export function handoverOf(service: string): KeptScript | undefined {
  const given = process.env[switches.handover];
  if (given === undefined) return undefined;
  const handover = JSON.parse(given) as Handover;
  return handover.service === service ? new KeptScript(handover.folder, service) : undefined;
}
