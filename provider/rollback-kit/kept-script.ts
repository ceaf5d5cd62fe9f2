import { chmod, mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";

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
    await this.#refuseOpenFolder();
    const found = await stat(this.path).catch(whenMissing);
    if (!found) return "is not there yet";
    if ((found.mode & 0o777) !== 0o700)
      return `has the mode ${(found.mode & 0o777).toString(8)} and is for its owner alone`;
    return (await readFile(this.path, "latin1")) === text ? undefined : "is no longer what puts it back";
  }

  /** Whoever looks sees the former script or this one, also after a crash. */
  async write(text: string): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    await this.#refuseOpenFolder();
    const next = `${this.path}.new`;
    await rm(next, { force: true }); // left by a run that was killed
    const file = await open(next, "wx", 0o700);
    try {
      await file.writeFile(text, "latin1");
      await file.sync();
    } finally {
      await file.close();
    }
    await chmod(next, 0o700); // whatever the umask
    await rename(next, this.path);
  }

  async remove(): Promise<void> {
    await rm(this.path, { force: true });
  }

  /** Whoever may write there could give root another script. */
  async #refuseOpenFolder(): Promise<void> {
    const found = await stat(this.#folder).catch(whenMissing);
    if (!found) return;
    if (!found.isDirectory()) throw new Error(`app-roles:rollbackKit: ${this.#folder} is no folder`);
    if ((found.mode & 0o022) !== 0) {
      throw new Error(
        `app-roles:rollbackKit: others may write in ${this.#folder}, and so change what you would run; chmod 700 it, or take another folder`,
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
