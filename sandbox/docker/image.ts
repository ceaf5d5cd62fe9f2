import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { dockerConnection } from "../../provider/docker/client.ts";
import { run } from "../process.ts";

/** The image of the sandbox's services: the Node that runs this, the libraries it needs, and nothing else. */
export const serviceImage = "app-roles-sandbox/node:1";

/** Makes it on the daemon at `host`, since no image can be pulled where there is no internet. */
export async function makeServiceImage(host: string, tag = serviceImage): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), "app-roles-image-"));
  try {
    const { stdout } = await run("ldd", [process.execPath]);
    const libraries = stdout.match(/\/\S+/g) ?? [];
    for (const path of libraries) await place(path, join(root, path));
    await place(process.execPath, join(root, "usr/bin/node"));
    await mkdir(join(root, "tmp"), { mode: 0o777 });
    const [repo = "", version = ""] = tag.split(":");
    const archive = spawn("tar", ["--create", "--directory", root, "."], { stdio: ["ignore", "pipe", "inherit"] });
    const query = new URLSearchParams({ fromSrc: "-", repo, tag: version, changes: 'ENTRYPOINT ["/usr/bin/node"]' });
    const request = dockerConnection(host)({ method: "POST", path: `/images/create?${query}` });
    const [[response]] = await Promise.all([once(request, "response"), pipeline(archive.stdout, request)]);
    const said = await text(response);
    if (response.statusCode !== 200 || said.includes('"error"')) throw new Error(`making the image ${tag}: ${said}`);
  } finally {
    await rm(root, { recursive: true });
  }
}

async function place(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await cp(from, to, { dereference: true });
}
