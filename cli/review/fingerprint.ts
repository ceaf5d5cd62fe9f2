import { createHash } from "node:crypto";
import { readdir, readFile, realpath, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { parseDocument } from "yaml";
import { z } from "zod";
import { configPath } from "../../model/config-path.ts";
import { reviewedPlans } from "../../provider/reviewed.ts";
import { isComponent } from "./changes.ts";
import type { Preview, Step } from "./preview.ts";

/**
 * What a review was computed from. Values of the configuration and files of the program are only digests; a secret counts by its
 * encrypted text. Equal inputs have the same fingerprint, byte by byte.
 */
export const fingerprintSchema = reviewedPlans.extend({
  format: z.literal("app-roles review 1"),
  stack: z.string(),
  /** Of app-roles. */
  version: z.string(),
  config: z.record(z.string(), z.string()),
  /** File to its digest. */
  code: z.record(z.string(), z.string()),
  /** URN to what the up would do. */
  resources: z.record(
    z.string(),
    z.object({ op: z.string(), properties: z.string().optional(), plan: z.string().optional() }),
  ),
});
export type Fingerprint = z.infer<typeof fingerprintSchema>;

/**
 * @param configFile the stack's file
 * @param folders of policy packs, in addition to the project's
 */
export async function fingerprintOf(
  stack: string,
  preview: Preview,
  configFile: string,
  folders: string[] = [],
): Promise<Fingerprint> {
  const require = createRequire(import.meta.url);
  return {
    format: "app-roles review 1",
    stack: nameOf(stack),
    version: (require("app-roles/package.json") as { version: string }).version,
    config: configDigests(await readFile(configFile, "utf8")),
    code: await codeDigests([".", ...folders]),
    ...plansOf(preview),
  };
}

/** The stack without the organization and the project of Pulumi Cloud. */
export function nameOf(stack: string): string {
  return stack.slice(stack.lastIndexOf("/") + 1);
}

/** Path of each value in a stack's file to its digest. */
export function configDigests(text: string): Record<string, string> {
  const found = new Map<string, string>();
  const read = (value: unknown, path: PropertyKey[]): void => {
    const isSecret = typeof value === "object" && value !== null && Object.keys(value).join() === "secure";
    const isEmpty = typeof value === "object" && value !== null && Object.keys(value).length === 0;
    if (typeof value !== "object" || value === null || isSecret || isEmpty) {
      found.set(pathOf(path), digest(JSON.stringify(value)));
    } else
      for (const [key, child] of Object.entries(value))
        read(child, [...path, Array.isArray(value) ? Number(key) : key]);
  };
  read(parseDocument(text).toJS() ?? {}, []);
  return sorted(found);
}

/** `app-roles:roles.api.connectionLimit`; other keys of the file, such as `environment`, stand alone. */
function pathOf([first, key, ...rest]: PropertyKey[]): string {
  if (first !== "config" || key === undefined)
    return [first, key, ...rest].filter((part) => part !== undefined).join(".");
  return String(key).startsWith("app-roles:")
    ? configPath([String(key).slice("app-roles:".length), ...rest])
    : [key, ...rest].join(".");
}

const codeNames = /\.[mc]?[jt]s$|^pulumi-resource-/;
const projectFiles = [
  ...["Pulumi.yaml", "PulumiPolicy.yaml", "package.json", "package-lock.json", "npm-shrinkwrap.json"],
  ...["pnpm-lock.yaml", "yarn.lock", "bun.lock", "tsconfig.json"],
];

/** Made from sources that count themselves, and not the same in every checkout: bundle.mjs and the policy pack's prepack write them. */
const generated = [join("dist", "bundle"), join("policies", "built")];

/** The program's files: sources, manifests and lock files, but no installed package and nothing generated. */
async function codeDigests(folders: string[]): Promise<Record<string, string>> {
  const found = new Map<string, string>();
  const seen = new Set<string>();
  const read = async (path: string): Promise<void> => {
    if (generated.includes(path)) return;
    const entry = await stat(path).catch(() => undefined);
    if (entry?.isDirectory()) {
      const real = await realpath(path);
      if (seen.has(real)) return;
      seen.add(real);
      for (const name of (await readdir(path)).sort()) {
        if (!name.startsWith(".") && name !== "node_modules") await read(join(path, name));
      }
    } else if (entry?.isFile() && (codeNames.test(basename(path)) || projectFiles.includes(basename(path)))) {
      found.set(path, digest(await readFile(path)));
    }
  };
  for (const folder of folders) await read(folder);
  return sorted(found);
}

/** Types that also change when a table or a login role is created which the up does not touch; only their plans count. */
const records = ["pgaccess:index:Baseline", "pgaccess:index:ConnectionBudget"];

/** What the up would do to each resource that it changes. */
function plansOf({ steps }: Preview): Pick<Fingerprint, "resources" | "plans"> {
  const changing = steps.filter(
    ({ op, type, changes }) =>
      op !== "same" && !isComponent(type) && !(records.includes(type) && Object.keys(changes).length === 0),
  );
  const keys = new Map<Step["changes"], string>();
  const plans = new Map<string, Step["changes"]>();
  const planKey = (changes: Step["changes"]): string => {
    // Equal plans are the same object.
    const key = keys.get(changes) ?? digest(JSON.stringify(changes));
    keys.set(changes, key);
    plans.set(key, changes);
    return key;
  };
  const resources = changing.map(({ urn, op, type, digest: properties, changes }) => [
    urn,
    {
      op,
      ...(properties !== "" && !records.includes(type) && { properties: properties.slice(0, digestLength) }),
      ...(Object.keys(changes).length > 0 && { plan: planKey(changes) }),
    },
  ]);
  return { resources: Object.fromEntries(resources), plans: sorted(plans) };
}

const digestLength = 24;

function digest(content: string | Buffer): string {
  return createHash("sha256").update(content).digest("hex").slice(0, digestLength);
}

function sorted<T>(map: Map<string, T>): Record<string, T> {
  return Object.fromEntries([...map].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The most lines of one kind of difference. */
const most = 10;

/** What differs from the review, one line each; empty if the fingerprint still holds. */
export function moved(reviewed: Fingerprint, now: Fingerprint): string[] {
  return [
    ...(reviewed.version === now.version ? [] : [`app-roles: version ${reviewed.version} -> ${now.version}`]),
    ...limited(differences("configuration", reviewed.config, now.config)),
    ...limited(differences("code", reviewed.code, now.code)),
    ...limited(resourceDifferences(reviewed, now)),
  ];
}

function differences(kind: string, before: Record<string, string>, after: Record<string, string>): string[] {
  return Object.keys({ ...before, ...after })
    .filter((key) => before[key] !== after[key])
    .map((key) => {
      const what = before[key] === undefined ? "was added" : after[key] === undefined ? "was removed" : "was changed";
      return `${kind}: ${key} ${what}`;
    });
}

function resourceDifferences(reviewed: Fingerprint, now: Fingerprint): string[] {
  return Object.keys({ ...reviewed.resources, ...now.resources }).flatMap((urn) => {
    const [before, after] = [reviewed.resources[urn], now.resources[urn]];
    const [, , types = "", ...name] = urn.split("::");
    const resource = `${types.split("$").at(-1)} ${name.join("::")}`;
    if (before?.op !== after?.op) {
      return [`${resource}: ${after?.op ?? "no change"} instead of ${before?.op ?? "no change"}`];
    }
    const plans = planDifferences(reviewed.plans[before?.plan ?? ""] ?? {}, now.plans[after?.plan ?? ""] ?? {});
    const properties = before?.properties === after?.properties ? [] : ["its properties change in another way"];
    return limited([...plans, ...properties]).map((line) => `${resource}: ${line}`);
  });
}

function planDifferences(before: Record<string, string>, after: Record<string, string>): string[] {
  return Object.keys({ ...before, ...after })
    .filter((object) => before[object] !== after[object])
    .map((object) => {
      if (before[object] === undefined) return `${object}: ${after[object]}, which was not reviewed`;
      if (after[object] === undefined) return `${object}: ${before[object]} is no longer needed or possible`;
      return `${object}: ${after[object]} instead of ${before[object]}`;
    });
}

function limited(lines: string[]): string[] {
  return lines.length <= most ? lines : [...lines.slice(0, most), `and ${lines.length - most} more`];
}
