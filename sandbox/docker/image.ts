import { spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type Docker from "dockerode";
import { run } from "../process.ts";

/** The image of the sandbox's services: the Node that runs this, the libraries it needs, and nothing else. */
export const serviceImage = "app-roles-sandbox/node:1";

/** Makes it, since no image can be pulled where there is no internet. */
export async function makeServiceImage(docker: Docker, tag = serviceImage): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), "app-roles-image-"));
  try {
    const { stdout } = await run("ldd", [process.execPath]);
    const libraries = stdout.match(/\/\S+/g) ?? [];
    for (const path of libraries) await place(path, join(root, path));
    await place(process.execPath, join(root, "usr/bin/node"));
    await mkdir(join(root, "tmp"), { mode: 0o777 });
    const [repo = "", version] = tag.split(":");
    const archive = spawn("tar", ["--create", "--directory", root, "."], { stdio: ["ignore", "pipe", "inherit"] });
    const options = { repo, tag: version, changes: 'ENTRYPOINT ["/usr/bin/node"]' };
    const loading = await docker.importImage(archive.stdout, options);
    await new Promise<void>((resolve, reject) =>
      docker.modem.followProgress(loading, (error) => (error ? reject(error) : resolve())),
    );
  } finally {
    await rm(root, { recursive: true });
  }
}

async function place(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await cp(from, to, { dereference: true });
}
