import { cp, mkdir, readFile, symlink } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { run } from "../../sandbox/process.ts";

const repository = join(import.meta.dirname, "../..");

/** Packages from the registry; here the project's copies, so that nothing is downloaded. */
const fromRegistry = ["@types/node", "typescript"];

/**
 * An example with the package installed by npm: built and packed from a copy of the sources, and the
 * tarball installed in a copy of the example, below `folder`. Gives the example's folder.
 */
export async function installedExample(name: string, folder: string): Promise<string> {
  const sources = join(folder, "sources");
  await cp(repository, sources, { recursive: true, filter: isSource });
  await symlink(join(repository, "node_modules"), join(sources, "node_modules"));
  await npm(sources, "pack", `--pack-destination=${folder}`);

  const example = join(folder, name);
  await cp(join(repository, "examples", name), example, { recursive: true });
  const { dependencies, version } = JSON.parse(await readFile(join(repository, "package.json"), "utf8"));
  for (const dependency of [...Object.keys(dependencies), ...fromRegistry]) {
    const link = join(example, "node_modules", dependency);
    await mkdir(dirname(link), { recursive: true });
    await symlink(join(repository, "node_modules", dependency), link);
  }
  // No scripts, because npm would build a linked package.
  await npm(
    example,
    "install",
    "--offline",
    "--ignore-scripts",
    "--no-audit",
    join(folder, `app-roles-${version}.tgz`),
  );
  return example;
}

function isSource(path: string): boolean {
  const [top = ""] = relative(repository, path).split("/");
  return !((top.startsWith(".") && top !== ".github") || ["node_modules", "dist"].includes(top));
}

/** Without the settings of the npm that runs the tests, such as the project's folder. */
async function npm(cwd: string, ...args: string[]): Promise<void> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => !/^npm_/i.test(key)));
  const { code, stdout, stderr } = await run("npm", args, { cwd, env });
  if (code !== 0) throw new Error(`npm ${args.join(" ")} failed (exit code ${code}):\n${stdout}${stderr}`);
}
