import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { AuditDocument } from "../../../cli/audit/document.ts";
import { auditMetrics, failureMetrics } from "../../../cli/audit/metrics.ts";

const hostile = 'a"b\\c\nd';
const document: AuditDocument = {
  schemaVersion: 1,
  outcome: "findings",
  at: "2026-11-25T04:00:00.500Z",
  stack: hostile,
  server: {
    host: "db",
    port: 5432,
    database: "postgres",
    version: "18.4",
    isStandby: false,
    maxConnections: 100,
    superuserReservedConnections: 3,
    reservedConnections: 2,
  },
  sessions: { now: 10, peak: 12, from: "", to: "", looks: 2, missed: 0 },
  budget: { ceiling: 95, declared: 86 },
  roles: [
    { role: hostile, source: "declared", superuser: false, declaredLimit: 8, limit: 9, sessions: 4, peak: 5 },
    { role: "postgres", source: "undeclared", superuser: true, declaredLimit: null, limit: null, sessions: 1, peak: 1 },
  ],
  benchmark: "",
  findings: [
    {
      id: `drift/role/${hostile}`,
      check: "drift",
      object: hostile,
      severity: "high",
      what: "",
      fix: "",
      details: [],
      cis: null,
    },
  ],
  unchecked: [{ check: "md5-password", why: "", fix: "" }],
  ignored: [],
  notes: [],
};

/** Parses the exposition format strictly: HELP and TYPE before the samples, each metric in one group, no duplicate series. */
function parsed(text: string): Map<string, number> {
  const series = new Map<string, number>();
  const described = new Map<string, string[]>();
  expect(text.endsWith("\n")).toBe(true);
  let group = "";
  for (const line of text.slice(0, -1).split("\n")) {
    const [, kind, name = "", rest] = /^# (HELP|TYPE) ([a-zA-Z_:][\w:]*) (.+)$/.exec(line) ?? [];
    if (kind !== undefined) {
      expect(described.get(name) ?? []).not.toContain(kind);
      described.set(name, [...(described.get(name) ?? []), kind]);
      if (kind === "TYPE") expect(rest).toBe("gauge");
      group = name;
      continue;
    }
    const [, metric, labels = "", value] =
      /^([a-zA-Z_:][\w:]*)(\{(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*",?)*\})? (-?\d+(?:\.\d+)?)$/.exec(line) ?? [];
    expect(metric, line).toBe(group);
    expect(described.get(group)).toEqual(["HELP", "TYPE"]);
    expect(series.has(metric + labels), line).toBe(false);
    series.set(metric + labels, Number(value));
  }
  return series;
}

const escaped = String.raw`a\"b\\c\nd`;

test("an audit in the text format, with escaped labels", () => {
  expect(Object.fromEntries(parsed(auditMetrics({ ...document, stack: null })))).toEqual({
    app_roles_audit_up: 1,
    app_roles_audit_timestamp_seconds: 1795579200.5,
    app_roles_audit_unchecked: 1,
    'app_roles_audit_findings{severity="high"}': 1,
    'app_roles_audit_findings{severity="medium"}': 0,
    'app_roles_audit_findings{severity="low"}': 0,
    [`app_roles_audit_finding{id="drift/role/${escaped}",check="drift",severity="high"}`]: 1,
    app_roles_server_connections: 10,
    app_roles_server_connections_peak: 12,
    app_roles_server_max_connections: 100,
    app_roles_server_reserved_connections: 5,
    app_roles_budget_ceiling: 95,
    app_roles_budget_declared: 86,
    [`app_roles_role_sessions{role="${escaped}"}`]: 4,
    'app_roles_role_sessions{role="postgres"}': 1,
    [`app_roles_role_sessions_peak{role="${escaped}"}`]: 5,
    'app_roles_role_sessions_peak{role="postgres"}': 1,
    [`app_roles_role_connection_limit{role="${escaped}"}`]: 9,
    [`app_roles_role_declared_limit{role="${escaped}"}`]: 8,
  });
});

test("the stack is a label of every series", () => {
  const names = [...parsed(auditMetrics(document)).keys(), ...parsed(failureMetrics(new Date(), hostile)).keys()];
  expect(names.filter((name) => !name.includes(`{stack="${escaped}"`))).toEqual([]);
});

test("an audit that could not be made says so", () => {
  expect(Object.fromEntries(parsed(failureMetrics(new Date(document.at), null)))).toEqual({
    app_roles_audit_up: 0,
    app_roles_audit_timestamp_seconds: 1795579200.5,
  });
});

const rules = "examples/prometheus/app-roles.rules.yml";

test("the example alerts use only metrics that the audit writes", () => {
  const text = readFileSync(rules, "utf8");
  const written = new Set([...parsed(auditMetrics(document)).keys()].map((series) => series.replace(/\{.*/s, "")));
  const used = text.match(/\bapp_roles_[a-z_]+/g) ?? [];
  expect(used.length).toBeGreaterThan(5);
  for (const name of used) expect(written).toContain(name);
});

const isMissing = spawnSync("promtool", ["--version"]).status !== 0;

test.skipIf(isMissing)("promtool accepts the metrics and the example alerts", () => {
  const metrics = spawnSync("promtool", ["check", "metrics"], { input: auditMetrics(document), encoding: "utf8" });
  expect({ status: metrics.status, said: metrics.stderr }).toEqual({ status: 0, said: "" });
  const checked = spawnSync("promtool", ["check", "rules", rules], { encoding: "utf8" });
  expect(checked).toMatchObject({ status: 0, stderr: "" });
});
