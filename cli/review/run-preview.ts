import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { Secrets } from "../../provider/rpc/secrets.ts";
import { Secret } from "../../provider/rpc/values.ts";
import { EventLog } from "../pulumi/event-log.ts";
import { missing, pulumi } from "../pulumi/pulumi.ts";
import { during } from "../terminal/progress.ts";
import { type Preview, PreviewReader } from "./preview.ts";

export interface PreviewOptions {
  stack: string;
  /** Folders. */
  policyPack?: string[];
  /** Files. */
  policyPackConfig?: string[];
  /** Default: Pulumi.<stack>.yaml. */
  configFile?: string;
  /** Shows no progress. */
  quiet?: boolean;
}

/** Arguments of `pulumi preview` and `pulumi up`. */
export function stackArgs({ stack, policyPack = [], policyPackConfig = [], configFile }: PreviewOptions): string[] {
  return [
    ...["--stack", stack],
    ...policyPack.flatMap((folder) => ["--policy-pack", folder]),
    ...policyPackConfig.flatMap((file) => ["--policy-pack-config", file]),
    ...(configFile === undefined ? [] : ["--config-file", configFile]),
  ];
}

/** Runs `pulumi preview` and reads what it found. Throws pulumi's error if there is no preview at all. */
export async function runPreview(options: PreviewOptions): Promise<Preview> {
  const secrets = await configuredSecrets(options);
  const log = await EventLog.create();
  try {
    const args = ["preview", "--non-interactive", ...stackArgs(options), ...log.args];
    const preview = () => pulumiPreview(args, log.env);
    const said = options.quiet ? await preview() : await during(`previewing ${options.stack}`, preview);
    const reader = new PreviewReader(secrets);
    for await (const event of log.each()) reader.see(event);
    const found = reader.preview;
    if (!found.isFinished && found.errors.length === 0) {
      throw new Error(`pulumi cannot preview the stack:\n${secrets.scrub(said.stderr.trim())}`);
    }
    const isKnown = found.errors.length > 0 || found.violations.some(({ isMandatory }) => isMandatory);
    if (said.code === 0 || isKnown) return found;
    return { ...found, errors: [secrets.scrub(said.stderr.trim()) || `pulumi preview exited with ${said.code}`] };
  } finally {
    await log.remove();
  }
}

/** The secrets of the configuration, which no text of a review may contain. */
async function configuredSecrets({ stack, configFile }: PreviewOptions): Promise<Secrets> {
  const args = ["config", "--json", "--show-secrets", "--non-interactive", "--stack", stack];
  const given = configFile === undefined ? [] : ["--config-file", configFile];
  const config = JSON.parse(await pulumi("read the stack's configuration", [...args, ...given])) as Record<
    string,
    { value?: string; objectValue?: unknown; secret?: boolean }
  >;
  const secrets = new Secrets();
  for (const { value, objectValue, secret } of Object.values(config)) {
    if (secret) secrets.learn(new Secret([value ?? null, (objectValue ?? null) as never]));
  }
  secrets.learn(new Secret(process.env.PGPASSWORD ?? null));
  return secrets;
}

async function pulumiPreview(args: string[], env: Record<string, string>): Promise<{ code: number; stderr: string }> {
  const child = spawn("pulumi", args, {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, PULUMI_SKIP_UPDATE_CHECK: "true", NO_COLOR: "1", ...env },
  });
  const ended = once(child, "close").catch((error: NodeJS.ErrnoException) => {
    throw error.code === "ENOENT" ? new Error(missing) : error;
  });
  const [stderr, [code]] = await Promise.all([text(child.stderr), ended as Promise<[number | null]>]);
  return { code: code ?? 1, stderr };
}
