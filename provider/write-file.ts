import { open, realpath, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** How `writeFileAtOnce` leaves the file. */
export interface WriteOptions {
  /** Default: 0600. */
  mode?: number | "its own mode";
  /** Default: latin1, which keeps every byte. */
  encoding?: BufferEncoding;
}

/**
 * Writes a file whole: whoever reads it sees the former text or this one, also after a crash or on a full disk, and nobody else
 * may read what is written at any moment. A symbolic link is written through; the owner of a file that is there stays. Throws
 * when what is there is no regular file, or cannot be replaced.
 *
 * @example await writeFileAtOnce("api.env", "DATABASE_URL=postgres://...\n", { encoding: "utf8" })
 */
export async function writeFileAtOnce(path: string, text: string, options: WriteOptions = {}): Promise<void> {
  const { mode = 0o600, encoding = "latin1" } = options;
  const target = await realpath(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return path;
    throw error;
  });
  const former = await stat(target).catch(() => undefined);
  if (former && !former.isFile()) throw new Error(`${path} is no regular file`);
  const folder = dirname(target);
  const next = join(folder, `.${basename(target)}.app-roles`);
  await rm(next, { force: true }); // left by a run that was killed
  try {
    const file = await open(next, "wx", 0o600);
    try {
      await file.writeFile(text, encoding);
      const made = await file.stat();
      const { uid, gid } = former ?? made;
      if (made.uid !== uid || made.gid !== gid) await file.chown(uid, gid);
      // Whatever the umask.
      await file.chmod(mode === "its own mode" ? (former?.mode ?? 0o600) & 0o7777 : mode);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(next, target);
  } catch (error) {
    await rm(next, { force: true }); // it may hold a password
    throw error;
  }
  const entry = await open(folder, "r");
  await entry.sync().finally(() => entry.close());
}
