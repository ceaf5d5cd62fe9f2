import { open, realpath, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/**
 * Replaces a file's bytes (latin1) at once: whoever reads it sees the old or the new ones, also after a crash. A symbolic
 * link is written through. The owner stays.
 *
 * @param mode default: it becomes 0600
 */
export async function writeFileAtOnce(path: string, text: string, mode?: "its own mode"): Promise<void> {
  const target = await realpath(path);
  const folder = dirname(target);
  const { uid, gid, mode: former } = await stat(target);
  const next = join(folder, `.${basename(target)}.app-roles`);
  await rm(next, { force: true }); // left by a run that was killed
  try {
    const file = await open(next, "wx", 0o600);
    try {
      await file.writeFile(text, "latin1");
      const made = await file.stat();
      if (made.uid !== uid || made.gid !== gid) await file.chown(uid, gid);
      if (mode) await file.chmod(former & 0o7777);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(next, target);
  } catch (error) {
    await rm(next, { force: true });
    throw error;
  }
  const entry = await open(folder, "r");
  await entry.sync().finally(() => entry.close());
}
