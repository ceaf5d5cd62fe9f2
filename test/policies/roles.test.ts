import { describe, expect, test } from "vitest";
import { unlimitedRoleViolations } from "../../policies/limited-roles.ts";
import { unknown } from "../../policies/resource.ts";
import { timeoutViolations } from "../../policies/session-timeouts.ts";
import { attributeViolations } from "../../policies/unprivileged-roles.ts";
import { budget, messages, resource, role, settings } from "./resources.ts";

describe("limited-roles", () => {
  test.each([[-1], [undefined], [null]])("refuses a login role with connectionLimit %s", (connectionLimit) => {
    expect(messages(unlimitedRoleViolations(role("app", { connectionLimit })))).toEqual([
      "app can open any number of connections; set connectionLimit to what its services' pools need",
    ]);
  });

  test("refuses a limit that is not known yet", () => {
    expect(messages(unlimitedRoleViolations(role("app", { connectionLimit: unknown })))).toEqual([
      expect.stringContaining("is not known yet"),
    ]);
  });

  test("passes a limited role and one that cannot log in", () => {
    expect(unlimitedRoleViolations(role("app", { connectionLimit: 8 }))).toEqual([]);
    expect(unlimitedRoleViolations(role("group", { login: false, connectionLimit: -1 }))).toEqual([]);
    expect(unlimitedRoleViolations(resource("other:index:Role", "app", { login: true }))).toEqual([]);
  });
});

describe("unprivileged-roles", () => {
  const attributes = ["superuser", "createRole", "createDatabase", "replication", "bypassRowLevelSecurity"];

  test.each(attributes)("refuses %s, known or unknown", (attribute) => {
    expect(messages(attributeViolations(role("app", { [attribute]: true })))).toEqual([
      expect.stringMatching(new RegExp(`^app is [A-Z]+, .*remove ${attribute}$`)),
    ]);
    expect(messages(attributeViolations(role("app", { [attribute]: unknown })))).toEqual([
      expect.stringContaining(`${attribute} is not known yet`),
    ]);
    expect(attributeViolations(role("app", { [attribute]: false }))).toEqual([]);
  });

  test("refuses them on roles that cannot log in too, because others can be their members", () => {
    expect(attributeViolations(role("group", { login: false, superuser: true }))).toHaveLength(1);
  });
});

describe("session-timeouts", () => {
  const app = role("app", { idleInTransactionSessionTimeout: 300_000 });
  const bounded = settings("app", { settings: { idle_session_timeout: "30min" } });

  test("passes a role with both", () => {
    expect(timeoutViolations([app, bounded])).toEqual([]);
  });

  test("refuses a role without settings, or with another role's", () => {
    expect(messages(timeoutViolations([app]))).toEqual([
      expect.stringContaining("app has no idle_session_timeout (not set)"),
    ]);
    const others = settings("other", { settings: { idle_session_timeout: "30min" } });
    expect(timeoutViolations([app, others])).toHaveLength(1);
  });

  test.each([["0"], ["0s"], [0], ["soon"], [unknown], [undefined]])("refuses idle_session_timeout %s", (value) => {
    const off = settings("app", { settings: { idle_session_timeout: value } });
    expect(messages(timeoutViolations([app, off]))).toEqual([
      expect.stringContaining("app has no idle_session_timeout"),
    ]);
  });

  test.each([[0], [unknown], [undefined]])("refuses idleInTransactionSessionTimeout %s", (value) => {
    const off = role("app", { idleInTransactionSessionTimeout: value });
    expect(messages(timeoutViolations([off, bounded]))).toEqual([
      expect.stringContaining("app has no idle_in_transaction_session_timeout"),
    ]);
  });

  test("refuses a timeout that is disabled in one database", () => {
    const off = settings("app", {
      settings: { idle_session_timeout: "30min" },
      databases: { tracksolid_db: { Idle_Session_Timeout: "0", work_mem: "64MB" } },
    });
    expect(messages(timeoutViolations([app, off]))).toEqual([
      expect.stringContaining("app in database tracksolid_db has no idle_session_timeout (0)"),
    ]);
  });

  test("ignores existing roles and roles that cannot log in", () => {
    const live = budget({ ceiling: 95, entries: [{ role: "grafana_ro", limit: 5, source: "existing" }] });
    expect(timeoutViolations([live, role("grafana_ro"), role("group", { login: false })])).toEqual([]);
  });
});
