import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { dockerConnection } from "../../provider/docker/client.ts";
import { run } from "../process.ts";

/** The image of the sandbox's services: this process's Node and the libraries that it needs. */
export const serviceImage = "app-roles-sandbox/node:1";

/** Creates the image of the sandbox's services on the daemon at `host`. */
export function makeServiceImage(host: string, tag = serviceImage): Promise<void> {
  return makeImage(host, tag, { from: process.execPath, to: "/usr/bin/node" }, 'ENTRYPOINT ["/usr/bin/node"]');
}

/**
 * Creates an image of one program and its libraries on the daemon at `host`. It is built here, since without the internet
 * no image can be pulled.
 *
 * @param changes one Dockerfile instruction, such as `LABEL tag=1`
 */
export async function makeImage(
  host: string,
  tag: string,
  program: { from: string; to: string },
  changes: string,
): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), "app-roles-image-"));
  try {
    const { stdout } = await run("ldd", [program.from]);
    for (const library of stdout.match(/\/\S+/g) ?? []) await place(library, join(root, library));
    await place(program.from, join(root, program.to));
    await mkdir(join(root, "tmp"), { mode: 0o777 });
    const [repo = "", version = ""] = tag.split(":");
    const archive = spawn("tar", ["--create", "--directory", root, "."], { stdio: ["ignore", "pipe", "inherit"] });
    const query = new URLSearchParams({ fromSrc: "-", repo, tag: version, changes });
    const request = dockerConnection(host)({ method: "POST", path: `/images/create?${query}` });
    const [[response]] = await Promise.all([once(request, "response"), pipeline(archive.stdout, request)]);
    const answer = await text(response);
    if (response.statusCode !== 200 || answer.includes('"error"')) throw new Error(`creating image ${tag}: ${answer}`);
  } finally {
    await rm(root, { recursive: true });
  }
}

async function place(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await cp(from, to, { dereference: true });
}
