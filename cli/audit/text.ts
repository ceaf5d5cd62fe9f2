import { styleText } from "node:util";
import { oneLine } from "../../provider/warnings/warning.ts";
import { benchmark, recommendations } from "./cis.ts";
import { auditDocument, outcomeOf } from "./document.ts";
import type { Audit } from "./examination.ts";
import { checks, count, type Finding, idOf, type Severity, severities } from "./finding.ts";

export interface TextOptions {
  /** Adds details, ids and the benchmark's recommendations. */
  verbose?: boolean | undefined;
  /** Only the verdict. */
  quiet?: boolean | undefined;
}

/** The audit for people: the verdict, the sessions, then one line for each finding with what fixes it. */
export function auditText(audit: Audit, { verbose = false, quiet = false }: TextOptions): string {
  const lines = quiet
    ? [verdict(audit)]
    : [
        verdict(audit),
        sessions(audit),
        ...findingLines(audit, verbose),
        ...uncheckedLines(audit),
        ...endLines(audit, verbose),
      ];
  return lines.map((line) => (line === "" ? line : styled(line))).join("\n");
}

/** `prod: 7 findings (2 high, 5 low)`. */
export function verdict(audit: Audit): string {
  const { subject, findings } = audit;
  const { host, port } = subject.address;
  const name = subject.declared?.name ?? `${host}:${port}`;
  const unchecked = findings.unchecked.length;
  const missing = unchecked > 0 ? `${count(unchecked, "check")} could not be made` : "";
  const ignored = findings.ignored.length > 0 ? `, ${findings.ignored.length} ignored` : "";
  const counts = severities
    .map((severity) => ({ severity, number: findings.found.filter((one) => one.severity === severity).length }))
    .filter(({ number }) => number > 0)
    .map(({ severity, number }) => `${number} ${severity}`);
  const found = {
    ok: "no findings",
    findings: `${count(findings.found.length, "finding")} (${counts.join(", ")})`,
    unchecked: "no findings",
  }[outcomeOf(audit) as "ok" | "findings" | "unchecked"];
  return `${name}: ${found}${ignored}${missing && `; ${missing}`}`;
}

function sessions(audit: Audit): string {
  const { server, sessions: seen, budget } = auditDocument(audit);
  const reserved = server.superuserReservedConnections + server.reservedConnections;
  const limits = budget ? `; limits ${budget.declared} of ${budget.ceiling}` : "";
  return `PostgreSQL ${server.version} at ${server.host}:${server.port}: ${seen.now} of ${server.maxConnections} connections in use (${reserved} reserved), peak ${seen.peak} (${audit.observations.basis})${limits}`;
}

function findingLines({ findings }: Audit, verbose: boolean): string[] {
  const groups = Map.groupBy(findings.sorted, ({ check }) => checks[check]);
  return [...groups].flatMap(([title, group]) => ["", title, ...group.flatMap((finding) => linesOf(finding, verbose))]);
}

function linesOf(finding: Finding, verbose: boolean): string[] {
  const { severity, what, fix, details = [], cis } = finding;
  const more = verbose
    ? [
        ...details.map((line) => `            ${line}`),
        ...(cis === undefined ? [] : [`            ${cis} ${recommendations[cis]}`]),
        `            id: ${idOf(finding)}`,
      ]
    : [];
  return [`  ${severity.padEnd(6)}  ${what}`, `          fix: ${fix}`, ...more];
}

function uncheckedLines({ findings: { unchecked } }: Audit): string[] {
  if (unchecked.length === 0) return [];
  return [
    "",
    "Not checked",
    ...unchecked.flatMap(({ check, why, fix }) => [`  ${check}: ${why}`, `          fix: ${fix}`]),
  ];
}

function endLines({ findings }: Audit, verbose: boolean): string[] {
  const notes = findings.notes.map((note) => `Note: ${note}.`);
  const named = findings.found.some(({ cis }) => cis !== undefined);
  const end = verbose
    ? [...(named ? [`Numbers are those of the ${benchmark}.`] : [])]
    : findings.found.length > 0
      ? ["--verbose adds every object, ids for --ignore, and recommendations of the CIS benchmark."]
      : [];
  return notes.length + end.length > 0 ? ["", ...notes, ...end] : [];
}

const colours = { high: "red", medium: "yellow", low: "cyan" } as const;

/** Names can hold control characters; only severities are coloured. */
function styled(line: string): string {
  const plain = oneLine(line);
  const [, severity] = /^ {2}(high|medium|low) /.exec(plain) ?? [];
  if (severity === undefined) return plain;
  const colour = colours[severity as Severity];
  // styleText respects NO_COLOR and a standard output that is not a terminal.
  return `  ${styleText(colour, severity, { stream: process.stdout })}${plain.slice(2 + severity.length)}`;
}
