import { copyFile, link, mkdir, readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";

/** A folder with the files of another one: hard links where the file system allows them, else copies. Symbolic links are followed. */
export async function linkedCopy(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const entry of await readdir(from)) {
    const source = await realpath(join(from, entry));
    const target = join(to, entry);
    if ((await stat(source)).isDirectory()) await linkedCopy(source, target);
    // Another file system, or somebody else's file: no hard link, but a file that can be read can be copied.
    else await link(source, target).catch(() => copyFile(source, target));
  }
}
