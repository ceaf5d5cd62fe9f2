import { randomBytes } from "node:crypto";
import { cp, mkdir, mkdtemp, readdir, realpath, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { cacheDirectory } from "../cache.ts";
import { findEngine } from "../engine/engine.ts";
import { guard } from "../guard.ts";
import type { Postgres } from "../postgres/server.ts";
import { type Finished, run } from "../process.ts";
import { type PluginKind, placePlugins } from "./plugins.ts";
import { type ConfigPath, setInStackFile } from "./stack-file.ts";

const repository = fileURLToPath(new URL("../..", import.meta.url));

export interface SandboxOptions {
  /** The server the stacks manage: it stands in their configuration as the one that services and the admin dial. */
  postgres?: Pick<Postgres, "host" | "port" | "user" | "password">;
  /** Stacks to initialise; the first one is selected. @default ["prod"] */
  stacks?: string[];
  /**
   * Files written instead of the project's, by path. One inside a folder replaces all of the project's folder, so that
   * `policies/index.js` makes a policy pack of that one file.
   */
  files?: Record<string, string>;
}

/** A working copy of the project with an engine, plugins, backend and secrets of its own. */
export interface Sandbox {
  /** The project's folder, where commands are run. */
  readonly dir: string;
  /** The environment that makes `pulumi` work there, for commands started otherwise than by `pulumi()`. */
  readonly env: NodeJS.ProcessEnv;
  /** The folder of the file backend, with states and their backups. */
  readonly backend: string;
  /** Which plugins are Pulumi's own and which are the sandbox's. */
  readonly plugins: Record<string, PluginKind>;
  /**
   * Runs the Pulumi CLI to its end, never asking anything: `up` applies. Rejects only when it cannot be started.
   * `env` adds to the sandbox's environment, undefined takes away from it.
   */
  pulumi(args: string[], options?: { env?: NodeJS.ProcessEnv; cwd?: string; input?: string }): Promise<Finished>;
  /** Sets one value of a stack's configuration, as an edit of its file; undefined removes it. @param stack default the first */
  setConfig(path: ConfigPath, value: unknown, stack?: string): Promise<void>;
  /** Sets a whole key of a stack's configuration as a secret; an object goes in as JSON. @param stack default the first */
  setSecret(key: string, value: unknown, stack?: string): Promise<void>;
  /** Removes everything. Also happens when this process ends, however it ends. */
  remove(): Promise<void>;
}

/**
 * Makes a sandbox of the project's own files: all are symbolic links but the stacks' configuration, which is copied and
 * pointed at `postgres`. Nothing outside it is written; several may be used at once.
 */
export async function createSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const { postgres, stacks = ["prod"], files = {} } = options;
  const engine = await findEngine();
  const root = await realpath(await mkdtemp(join(tmpdir(), "app-roles-sandbox-")));
  const guarded = guard(root);
  const [dir, home, backend] = ["project", "home", "backend"].map((name) => join(root, name)) as [
    string,
    string,
    string,
  ];
  const passphraseFile = join(root, "passphrase");

  try {
    await Promise.all([dir, home, backend].map((folder) => mkdir(folder)));
    await writeFile(passphraseFile, randomBytes(24).toString("hex"), { mode: 0o600 });
    await linkProject(dir, files);
    const plugins = await placePlugins(home, engine, process.env);
    const env: NodeJS.ProcessEnv = {
      ...withoutSettingsOf(process.env, ["PULUMI_", "PG"]),
      // The project's own Node first: `node` in what the engine starts must be one that strips types.
      PATH: [join(repository, "node_modules/.bin"), engine.bin, process.env.PATH].join(delimiter),
      PULUMI_HOME: home,
      PULUMI_BACKEND_URL: `file://${backend}`,
      PULUMI_CONFIG_PASSPHRASE_FILE: passphraseFile,
      PULUMI_SKIP_UPDATE_CHECK: "true",
      // Every up starts half a dozen Node processes: with their code kept compiled it takes a quarter less.
      NODE_COMPILE_CACHE: join(cacheDirectory(process.env), "compiled"),
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
      ...(postgres && { PGPASSWORD: postgres.password }),
    };

    const pulumi: Sandbox["pulumi"] = (args, { env: more, cwd = dir, input } = {}) =>
      run(join(engine.bin, "pulumi"), [...args, "--non-interactive"], {
        cwd,
        env: { ...env, PULUMI_SKIP_CONFIRMATIONS: "true", NO_COLOR: "1", ...more },
        ...(input !== undefined && { input }),
      });
    const must = async (args: string[], input?: string): Promise<void> => {
      const { code, stdout, stderr } = await pulumi(args, input === undefined ? {} : { input });
      if (code !== 0) throw new Error(`pulumi ${args.join(" ")} failed (exit code ${code}):\n${stdout}${stderr}`);
    };
    const stackFile = (stack: string): string => join(dir, `Pulumi.${stack}.yaml`);
    const first = stacks[0] ?? "prod";

    for (const stack of stacks) {
      if (postgres) await pointAt(postgres, stackFile(stack));
      await must(["stack", "init", stack, "--no-select"]);
    }
    if (stacks.length > 0) await must(["stack", "select", first]);
    return {
      dir,
      env,
      backend,
      plugins,
      pulumi,
      setConfig: (path, value, stack = first) => setInStackFile(stackFile(stack), path, value),
      setSecret: (key, value, stack = first) =>
        must(
          ["config", "set", "--secret", key, "--stack", stack],
          typeof value === "string" ? value : JSON.stringify(value),
        ),
      remove: guarded.end,
    };
  } catch (error) {
    await guarded.end();
    throw error;
  }
}

/** Links every entry of the project but hidden ones; stacks' files are copies, since the engine and tests write them. */
async function linkProject(dir: string, files: Record<string, string>): Promise<void> {
  const replaced = new Set(Object.keys(files).map((path) => path.split("/")[0]));
  for (const entry of await readdir(repository)) {
    if (entry.startsWith(".") || replaced.has(entry)) continue;
    const source = join(repository, entry);
    if (/^Pulumi\..+\.yaml$/.test(entry)) await cp(source, join(dir, entry));
    else await symlink(source, join(dir, entry));
  }
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await writeFile(join(dir, path), content);
  }
}

async function pointAt(postgres: Pick<Postgres, "host" | "port" | "user">, file: string): Promise<void> {
  const { host, port, user } = postgres;
  await setInStackFile(file, "server", {
    host,
    port,
    admin: { host, port, user, database: "postgres", sslmode: "disable" },
  });
}

function withoutSettingsOf(env: NodeJS.ProcessEnv, prefixes: string[]): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !prefixes.some((prefix) => name.startsWith(prefix))),
  );
}
