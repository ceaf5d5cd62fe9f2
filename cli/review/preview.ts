import { createHash } from "node:crypto";
import type { Secrets } from "../../provider/rpc/secrets.ts";
import { type EngineEvent, plain, type StepMetadata, type StepState } from "../pulumi/event-log.ts";

/** What a preview found, without the values of any property that is not named here. */
export interface Preview {
  /** Resources that the up would change, with those that it leaves alone if a review needs their inputs. */
  steps: Step[];
  /** Errors of the program, the plugins and the engine; empty if the preview succeeded. */
  errors: string[];
  warnings: string[];
  violations: Violation[];
  /** Digests of the warnings of the last up. */
  known: Set<string>;
  /** Whether the preview ran to its end. */
  isFinished: boolean;
}

export interface Violation {
  policy: string;
  isMandatory: boolean;
  message: string;
}

/** One resource and what the up would do to it. */
export interface Step {
  urn: string;
  type: string;
  name: string;
  /** As the engine names it: `create`, `update`, `delete`, `same`, `create-replacement`, ... */
  op: string;
  /** The service that it belongs to. */
  service: string | undefined;
  /** Properties before the step, after the refresh: only those in `read`. */
  old: Properties;
  new: Properties;
  /** Object to its change, as the plugin plans it. */
  changes: Record<string, string>;
  /** Paths of the properties that differ, without those in `changes`. */
  paths: string[];
  /** Digest of the values of these properties before and after; secrets are masked and do not count. */
  digest: string;
}

export type Properties = Record<string, unknown>;

/** The properties that a review reads; no other value is kept, so that no secret is either. */
const read = [
  ...["access", "ceiling", "connectAs", "connectionLimit", "database", "entries", "isDeployed", "login", "name"],
  ...["owner", "role", "service", "warned"],
  // Of the official Role.
  ...["superuser", "createRole", "createDatabase", "replication", "bypassRowLevelSecurity", "inherit", "validUntil"],
  ...["statementTimeout", "idleInTransactionSessionTimeout", "searchPaths", "roles", "assumeRole"],
];

/** Steps of a replacement, for which `create-replacement` of the same resource stands. */
const partial = ["delete-replaced", "discard-replaced", "replace", "read-discard", "remove-pending-replace"];

/** Warnings about the installation of Pulumi. */
const ofEngine = /^using \S+ from \$PATH|^A new version of Pulumi/;

/** Collects the events of a preview. */
export class PreviewReader {
  readonly #steps = new Map<string, Step>();
  readonly #parents = new Map<string, string>();
  readonly #errors = new Set<string>();
  readonly #warnings = new Set<string>();
  readonly #violations = new Map<string, Violation>();
  readonly #known = new Set<string>();
  /** Equal plans of several roles are kept once. */
  readonly #plans = new Map<string, Record<string, string>>();
  readonly #secrets: Secrets;
  #isFinished = false;

  /** @param secrets no text contains one of them */
  constructor(secrets: Secrets) {
    this.#secrets = secrets;
  }

  see({ resourcePreEvent, diagnosticEvent, policyEvent, summaryEvent }: EngineEvent): void {
    if (resourcePreEvent) this.#seeStep(resourcePreEvent.metadata);
    if (diagnosticEvent?.severity === "error") {
      const message = this.#text(diagnosticEvent.message);
      // The engine's own last word says nothing of the reason.
      if (!/^(?:preview|update) failed$/.test(message)) this.#errors.add(message);
    }
    if (diagnosticEvent?.severity === "warning") {
      const message = this.#text(diagnosticEvent.message);
      if (diagnosticEvent.urn || !ofEngine.test(message)) this.#warnings.add(message);
    }
    if (policyEvent) {
      const { policyName: policy, enforcementLevel, message } = policyEvent;
      // The first line is the policy's description.
      const [, ...rest] = this.#text(message).split("\n");
      const text = rest.join("\n") || this.#text(message);
      this.#violations.set(`${policy}\n${text}`, {
        policy,
        isMandatory: enforcementLevel === "mandatory",
        message: text,
      });
    }
    if (summaryEvent) this.#isFinished = true;
  }

  #text(message: string): string {
    return withoutSecrets(this.#secrets.scrub(plain(message)));
  }

  #seeStep({ urn, op, type = "", old, new: next, detailedDiff, diffs }: StepMetadata): void {
    const parent = (next ?? old)?.parent;
    if (parent) this.#parents.set(urn, parent);
    const before = picked(old, "outputs");
    for (const digest of String(before.warned ?? "").split(" ")) this.#known.add(digest);
    // After the refresh the engine sends another step of the resource.
    const isRefresh = op === "refresh" || op === "refresh-replacement";
    if (isRefresh && type !== "pgaccess:index:ConnectionBudget") return;
    const earlier = this.#steps.get(urn)?.op ?? "same";
    if (earlier !== "same" && partial.includes(op)) return;
    const name = nameOf(urn);
    const diff = Object.keys(detailedDiff ?? {}).filter((path) => !/^changes[.[]/.test(path));
    const paths = diff.length > 0 ? diff : detailedDiff ? [] : (diffs ?? []);
    this.#steps.set(urn, {
      ...{
        urn,
        type,
        name,
        op: isRefresh ? "same" : earlier === "import" ? earlier : op,
        service: undefined,
        old: before,
      },
      new: isRefresh ? {} : picked(next, "inputs"),
      changes: isRefresh ? {} : this.#plan(next),
      paths,
      digest: isRefresh || op === "same" ? "" : digestOf(paths, old, next),
    });
  }

  #plan(state: StepState | null | undefined): Record<string, string> {
    const changes = state?.inputs?.changes;
    if (typeof changes !== "object" || changes === null) return {};
    const key = sha256(JSON.stringify(changes));
    const known = this.#plans.get(key);
    if (known) return known;
    const plan = Object.fromEntries(
      Object.entries(changes)
        .map(([object, change]): [string, string] => [object, String(change)])
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    );
    this.#plans.set(key, plan);
    return plan;
  }

  /** Sorted: the engine reports resources in the order in which they happen to finish. */
  get preview(): Preview {
    const steps = [...this.#steps.values()]
      .map((step) => ({ ...step, service: this.#serviceOf(step.urn) }))
      .sort((a, b) => (a.urn < b.urn ? -1 : 1));
    return {
      steps,
      errors: [...this.#errors],
      warnings: [...this.#warnings].sort(),
      violations: [...this.#violations].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, violation]) => violation),
      known: this.#known,
      isFinished: this.#isFinished,
    };
  }

  #serviceOf(urn: string): string | undefined {
    for (let at: string | undefined = urn; at !== undefined; at = this.#parents.get(at)) {
      if (at.split("::")[2]?.endsWith("app-roles:index:Service")) return nameOf(at);
    }
    return undefined;
  }
}

function picked(state: StepState | null | undefined, first: "inputs" | "outputs"): Properties {
  const all = first === "inputs" ? { ...state?.inputs } : { ...state?.inputs, ...state?.outputs };
  return Object.fromEntries(read.filter((key) => Object.hasOwn(all, key)).map((key) => [key, all[key]]));
}

function digestOf(paths: string[], old: StepMetadata["old"], next: StepMetadata["new"]): string {
  const roots = [...new Set(paths.map((path) => path.split(/[.[]/)[0] as string))].sort();
  const values = roots.map((root) => [root, old?.inputs?.[root], old?.outputs?.[root], next?.inputs?.[root]]);
  return sha256(JSON.stringify([paths.toSorted(), values]));
}

/** Passwords in URLs, generated passwords and verifiers, which a program or another plugin can print. */
function withoutSecrets(text: string): string {
  return text
    .replaceAll(/(:\/\/[^\s:/@]*):\S*@/g, "$1:[secret]@")
    .replaceAll(/\b(?:[0-9a-f]{48}|md5[0-9a-f]{32})\b|SCRAM-SHA-256\$\S+/g, "[secret]");
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function nameOf(urn: string): string {
  return urn.split("::").slice(3).join("::");
}
