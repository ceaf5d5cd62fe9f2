import { listOf } from "../../provider/postgres/explain.ts";
import { oneLine } from "../../provider/warnings/warning.ts";
import type { CisNumber } from "./cis.ts";

/** How urgent a finding is, most urgent first. */
export const severities = ["high", "medium", "low"] as const;
export type Severity = (typeof severities)[number];

/** The checks, in the order of the output; the title heads its findings. */
export const checks = {
  deployment: "Deployment",
  "server-capacity": "Connections",
  "limits-sum": "Connections",
  "session-limit": "Connections",
  "superuser-session": "Superuser sessions",
  "missing-role": "Login roles",
  "undeclared-login": "Login roles",
  "unlimited-login": "Login roles",
  "elevated-login": "Login roles",
  "unused-role": "Login roles",
  drift: "Drift",
  "reader-writes": "Readers that can write",
  "public-database": "Privileges of PUBLIC",
  "public-schema": "Privileges of PUBLIC",
  "public-relation": "Privileges of PUBLIC",
  "password-age": "Passwords",
  "password-expiry": "Passwords",
  "md5-password": "Passwords",
  "trust-line": "Authentication",
} as const;
export type CheckName = keyof typeof checks;

/** A difference between the live server and what is declared or safe. */
export interface Finding {
  check: CheckName;
  /** The role, database or object that it is about; with the check it identifies the finding from audit to audit. */
  object: string;
  severity: Severity;
  /** One line for people. */
  what: string;
  /** A command, an SQL statement, or what to edit. */
  fix: string;
  /** Further lines, such as every object. */
  details?: string[];
  /** The recommendation of the CIS benchmark that it violates. */
  cis?: CisNumber;
}

/** A check that could not be made. */
export interface Unchecked {
  check: CheckName;
  why: string;
  /** What makes it possible. */
  fix: string;
}

/** Identifies a finding from audit to audit, for `--ignore`. */
export function idOf({ check, object }: Pick<Finding, "check" | "object">): string {
  return oneLine(`${check}/${object}`);
}

/** Collects the results of the checks. */
export class Findings {
  readonly found: Finding[] = [];
  readonly unchecked: Unchecked[] = [];
  /** Facts to know about the audit itself. */
  readonly notes: string[] = [];
  readonly ignored: string[] = [];
  readonly #ignore: Set<string>;

  /** @param ignore ids of findings, or names of checks */
  constructor(ignore: string[] = []) {
    this.#ignore = new Set(ignore);
  }

  add(finding: Finding): void {
    const id = idOf(finding);
    if (this.#ignore.has(id) || this.#ignore.has(finding.check)) this.ignored.push(id);
    else this.found.push(finding);
  }

  cannot(check: CheckName, why: string, fix: string): void {
    if (this.#ignore.has(check)) this.ignored.push(check);
    else this.unchecked.push({ check, why, fix });
  }

  note(text: string): void {
    if (!this.notes.includes(text)) this.notes.push(text);
  }

  /** In the order of the checks, the most urgent first. */
  get sorted(): Finding[] {
    const names = Object.keys(checks);
    const titles = [...new Set(Object.values(checks))] as string[];
    const rank = ({ check, severity }: Finding) =>
      titles.indexOf(checks[check]) * 1000 + severities.indexOf(severity) * 100 + names.indexOf(check);
    return this.found.toSorted((a, b) => rank(a) - rank(b) || a.object.localeCompare(b.object));
  }
}

/** `1 session`, `2 sessions`. */
export function count(number: number, noun: string, plural = `${noun}s`): string {
  return `${number} ${number === 1 ? noun : plural}`;
}

/** The first names, and how many more. */
export const several = listOf;
