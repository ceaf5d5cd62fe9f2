import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * The cache folder that all of one user's clones share, for files that take minutes to build or download:
 * `$SANDBOX_CACHE`, else `$XDG_CACHE_HOME/app-roles`, else `~/.cache/app-roles` (XDG base directory specification).
 */
export function cacheDirectory(env: NodeJS.ProcessEnv = process.env): string {
  return env.SANDBOX_CACHE ?? join(env.XDG_CACHE_HOME ?? join(env.HOME ?? homedir(), ".cache"), "app-roles");
}

/**
 * Creates the folder at `path` with `make` if it does not exist. The folder appears complete or not at all: a killed `make`
 * leaves only a partial folder, which the next call removes. Of several processes, one creates it and the others wait.
 *
 * @param make fills the folder it receives, which is on the same file system as `path`
 * @param waiting called once if another process is creating the folder
 */
export async function makeOnce(
  path: string,
  make: (partial: string) => Promise<void>,
  waiting: () => void,
): Promise<void> {
  if (existsSync(path)) return;
  await mkdir(dirname(path), { recursive: true });
  await withLock(`${path}.lock`, waiting, async () => {
    if (existsSync(path)) return;
    const prefix = `${path}.partial-`;
    for (const entry of await readdir(dirname(path))) {
      const leftover = join(dirname(path), entry);
      if (leftover.startsWith(prefix)) await rm(leftover, { recursive: true, force: true });
    }
    const partial = await mkdtemp(prefix);
    try {
      await make(partial);
      await rename(partial, path);
    } finally {
      await rm(partial, { recursive: true, force: true });
    }
  });
}

/** Runs `work` while no other process holds the lock. The operating system releases the lock of a process that ends. */
async function withLock(path: string, waiting: () => void, work: () => Promise<void>): Promise<void> {
  // SQLite is the only way to an operating system's file lock in Node.
  const lock = new DatabaseSync(path);
  try {
    for (let attempts = 0; !tryLock(lock); attempts++) {
      if (attempts === 0) waiting();
      await sleep(250);
    }
    await work();
  } finally {
    lock.close();
  }
}

function tryLock(lock: DatabaseSync): boolean {
  const SQLITE_BUSY = 5;
  try {
    lock.exec("BEGIN EXCLUSIVE");
    return true;
  } catch (error) {
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return false;
    throw error;
  }
}
