import { expect, test } from "vitest";
import { Findings } from "../../../cli/audit/finding.ts";
import { Observations } from "../../../cli/audit/observation.ts";
import type { Subject } from "../../../cli/audit/subject.ts";
import { auditText } from "../../../cli/audit/text.ts";

const address = {
  host: "db",
  port: 5432,
  user: "postgres",
  password: "secret",
  database: "postgres",
  sslmode: "disable",
};

function auditWith(fill: (findings: Findings) => void, ignore: string[] = []) {
  const findings = new Findings(ignore);
  fill(findings);
  const observations = new Observations();
  const slots = { max: 100, superuserReserved: 3, reserved: 0, used: 7 };
  observations.add({ slots, roles: [], superuserSessions: [], at: new Date(0) });
  const subject: Subject = { address, namedBy: "URL", declared: undefined };
  return { subject, version: "18.4", isStandby: false, observations, logins: [], findings, at: new Date(0) };
}

test("the verdict is first; findings are grouped, the most urgent first, each with its fix", () => {
  const text = auditText(
    auditWith(
      (findings) => {
        findings.add({ check: "trust-line", object: "a:1", severity: "medium", what: "trust", fix: "edit" });
        findings.add({ check: "session-limit", object: "b", severity: "medium", what: "b is full", fix: "raise" });
        findings.add({ check: "limits-sum", object: "server", severity: "high", what: "too many", fix: "lower" });
        findings.add({ check: "session-limit", object: "x", severity: "low", what: "left out", fix: "none" });
        findings.cannot("md5-password", "not a superuser", "be one");
        findings.note("one");
      },
      ["session-limit/x"],
    ),
    {},
  );
  expect(text).toBe(`db:5432: 3 findings (1 high, 2 medium), 1 ignored; 1 check could not be made
PostgreSQL 18.4 at db:5432: 7 of 100 connections in use (3 reserved), peak 7 (one look; --watch finds peaks)

Connections
  high    too many
          fix: lower
  medium  b is full
          fix: raise

Authentication
  medium  trust
          fix: edit

Not checked
  md5-password: not a superuser
          fix: be one

Note: one.
--verbose adds every object, ids for --ignore, and recommendations of the CIS benchmark.`);
});

test("--verbose adds details, recommendation and id; names cannot control the terminal", () => {
  const audit = auditWith((findings) =>
    findings.add({
      check: "elevated-login",
      object: "r\u001b[2J",
      severity: "high",
      what: "r\u001b[2J can do all",
      fix: "no",
      details: ["one\ntwo"],
      cis: "4.3",
    }),
  );
  const text = auditText(audit, { verbose: true });
  expect(text).toContain(`
  high    r\\x1b[2J can do all
          fix: no
            one\\x0atwo
            4.3 Ensure excessive administrative privileges are revoked
            id: elevated-login/r\\x1b[2J
`);
  expect(text).toContain("CIS PostgreSQL 18 Benchmark v1.0.0");
});

test("--quiet prints only the verdict", () => {
  expect(
    auditText(
      auditWith(() => undefined),
      { quiet: true },
    ),
  ).toBe("db:5432: no findings");
  expect(
    auditText(
      auditWith((findings) => findings.cannot("drift", "a", "b")),
      { quiet: true },
    ),
  ).toBe("db:5432: no findings; 1 check could not be made");
});
