import { lstat, open, realpath, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

export interface WriteOptions {
  /** `keep`: the mode that the file has. Default: 0600. */
  mode?: number | "keep";
  /**
   * `keep`: a symbolic link is followed and the owner of the file stays, as for a file that somebody else reads. Default: a link
   * is replaced and the file belongs to this user, since another user could have put either there to read a secret.
   */
  owner?: "keep";
  /** Default: latin1, which keeps every byte. */
  encoding?: BufferEncoding;
}

/**
 * Replaces a file atomically: a reader sees the previous text or the new one, also after a crash or on a full disk, and no other
 * user can read the new text while it is written. Throws when the path is not a regular file or cannot be replaced.
 *
 * @example await writeFileAtomically("api.env", "DATABASE_URL=postgres://...\n", { encoding: "utf8" })
 */
export async function writeFileAtomically(path: string, text: string, options: WriteOptions = {}): Promise<void> {
  const { mode = 0o600, owner, encoding = "latin1" } = options;
  const target = owner === "keep" ? await followed(path) : path;
  const existing = await lstat(target).catch(() => undefined);
  if (existing && !existing.isFile() && !existing.isSymbolicLink()) throw new Error(`${path} is not a regular file`);
  const folder = dirname(target);
  const next = join(folder, `.${basename(target)}.app-roles`);
  await rm(next, { force: true }); // left by a process that was killed
  try {
    const file = await open(next, "wx", 0o600);
    try {
      await file.writeFile(text, encoding);
      const created = await file.stat();
      const { uid, gid } = (owner === "keep" && existing) || created;
      if (created.uid !== uid || created.gid !== gid) await file.chown(uid, gid);
      // Not through open(), whose mode the umask reduces.
      await file.chmod(mode === "keep" ? (existing?.mode ?? 0o600) & 0o7777 : mode);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(next, target);
  } catch (error) {
    await rm(next, { force: true }); // it may contain a password
    throw error;
  }
  const entry = await open(folder, "r");
  await entry.sync().finally(() => entry.close());
}

/** The file that a link leads to; the path itself if there is none yet. */
function followed(path: string): Promise<string> {
  return realpath(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return path;
    throw error;
  });
}
