import { open, realpath, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

export interface WriteOptions {
  /** `keep`: the mode that the file has. Default: 0600. */
  mode?: number | "keep";
  /** Default: latin1, which keeps every byte. */
  encoding?: BufferEncoding;
}

/**
 * Replaces a file atomically: a reader sees the previous text or the new one, also after a crash or on a full disk, and no other
 * user can read the new text while it is written. Follows a symbolic link and keeps the owner of an existing file. Throws when
 * the path is not a regular file or cannot be replaced.
 *
 * @example await writeFileAtomically("api.env", "DATABASE_URL=postgres://...\n", { encoding: "utf8" })
 */
export async function writeFileAtomically(path: string, text: string, options: WriteOptions = {}): Promise<void> {
  const { mode = 0o600, encoding = "latin1" } = options;
  const target = await realpath(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return path;
    throw error;
  });
  const existing = await stat(target).catch(() => undefined);
  if (existing && !existing.isFile()) throw new Error(`${path} is not a regular file`);
  const folder = dirname(target);
  const next = join(folder, `.${basename(target)}.app-roles`);
  await rm(next, { force: true }); // left by a process that was killed
  try {
    const file = await open(next, "wx", 0o600);
    try {
      await file.writeFile(text, encoding);
      const created = await file.stat();
      const { uid, gid } = existing ?? created;
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
