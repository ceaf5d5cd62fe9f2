import { lstat, mkdir, readFile, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { switches } from "../../model/switches.ts";
import { writeFileAtomically } from "../write-file.ts";
import { marker } from "./script.ts";

/** A service's script in the folder of the rollback kit, for its owner alone. */
export class KeptScript {
  /** Where it is. */
  readonly path: string;
  readonly #folder: string;

  constructor(folder: string, service: string) {
    this.#folder = resolve(folder);
    this.path = join(this.#folder, fileName(service));
  }

  /** What is to be done so that it is there with this text (latin1), in words; undefined: nothing. Changes nothing. */
  async difference(text: string): Promise<string | undefined> {
    await this.#refuseFolder();
    const found = await this.#read();
    if (!found) return "is not there yet";
    if (found.mode !== 0o700) return `has the mode ${found.mode.toString(8)} and is for its owner alone`;
    return found.text === text ? undefined : "is no longer what puts it back";
  }

  /** Whoever looks sees the former script or this one, also after a crash. */
  async write(text: string): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    await this.#refuseFolder();
    await this.#read();
    await writeFileAtomically(this.path, text, { mode: 0o700 });
  }

  /** Idempotent. Throws when what is there is none of ours. */
  async remove(): Promise<void> {
    if (await this.#read()) await rm(this.path, { force: true });
  }

  async #read(): Promise<{ text: string; mode: number } | undefined> {
    const found = await lstat(this.path).catch(whenMissing);
    if (!found) return undefined;
    const text = found.isFile() ? await readFile(this.path, "latin1") : "";
    if (text.split("\n")[1] === marker) return { text, mode: found.mode & 0o777 };
    throw new Error(
      `${this.path} is no script of the rollback kit: move it away, or give app-roles:rollbackKit another folder`,
    );
  }

  /** Whoever may write there could give root another script. */
  async #refuseFolder(): Promise<void> {
    const found = await stat(this.#folder).catch(whenMissing);
    if (!found) return;
    const here = `app-roles:rollbackKit: ${this.#folder}`;
    if (!found.isDirectory()) throw new Error(`${here} is no folder`);
    if ((found.mode & 0o022) !== 0 || found.uid !== process.getuid?.()) {
      throw new Error(
        `${here}: others may write there, or own it, and so change what you would run; make it yours alone (chmod 700), or take another folder`,
      );
    }
  }
}

/** One name in the folder for each service, whatever its characters. */
function fileName(service: string): string {
  const safe = encodeURIComponent(service).replace(/^\./, "%2E");
  return `${safe.replace(/[!'()*~]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)}.sh`;
}

function whenMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code === "ENOENT") return undefined;
  throw error;
}

/** Whose script is asked for, and the private folder that it is left in. */
export interface Handover {
  service: string;
  folder: string;
}

/** Where the service's script is to be left for the command that runs this up; undefined: nobody asks for it. */
export function handoverOf(service: string): KeptScript | undefined {
  const given = process.env[switches.handover];
  if (given === undefined) return undefined;
  const handover = JSON.parse(given) as Handover;
  return handover.service === service ? new KeptScript(handover.folder, service) : undefined;
}
