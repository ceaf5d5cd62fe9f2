import { describe, expect, test } from "vitest";
import type { EngineEvent, StepState } from "../../../cli/pulumi/event-log.ts";
import { maxCharacters, maxLines } from "../../../cli/review/layout.ts";
import { recorded, rendered, reordered } from "./recorded.ts";

const lines = (text: string) => text.split("\n");

describe("the review of a recorded preview", () => {
  test("has the verdict first, then the sums and the budget before and after", () => {
    const text = lines(rendered(recorded("change")));
    expect(text.slice(0, 8)).toEqual([
      "### ✅ Nothing stops the up of `prod`",
      "",
      "1 role created, 1 limit changed, 75 privileges gained, 2 settings changed, 1 new warning. 4 warnings of the last up not repeated.",
      "",
      "```text",
      "budget before      ████████████████████████████████████░░░░ 86 of 95 connections",
      "budget after       ██████████████████████████████████████░░ 90 of 95 connections",
      "```",
    ]);
    expect(text).toContain("- `dashboard_app`: limit `8` → `10`");
    expect(text).toContain("- `audit_app` is created: limit 2, reader of `tracksolid_db`");
    expect(text).toContain(
      "- `audit_app` in `tracksolid_db`: gains `SELECT` on 58, `USAGE` on 9, `EXECUTE` on 7, `CONNECT` on 1; default privileges in 9 places",
    );
  });

  test("repeats no warning of the last up, and shows new ones", () => {
    const text = rendered(recorded("change"));
    expect(text).toContain("database fleet_platform: PUBLIC can connect, and so can audit_app, dashboard_app");
    expect(text).not.toContain("database tracksolid_db: PUBLIC can connect");
    expect(text).not.toContain("raise_alarm(text,text): SECURITY DEFINER");
    expect(rendered(recorded("first"))).toContain("database tracksolid_db: PUBLIC can connect");
  });

  test("names owners that change, and the objects folded", () => {
    const text = rendered(recorded("first"));
    expect(text).toContain(
      "- `tracksolid_db`: 63 objects (`postgres → tracksolid_owner` 63); default privileges and records in 4 places",
    );
    expect(text).toMatch(/<details><summary>Objects by owner<\/summary>\n\n- `tracksolid_db`: .*`tickets\.tickets`/);
    expect(text).toContain("- `cron_app`, `gateway_app` in `fleet_platform`, each: gains `SELECT` on 10,");
  });

  test("names no resource that only keeps records", () => {
    for (const name of ["first", "change", "removal", "drift"] as const) {
      expect(rendered(recorded(name))).not.toMatch(
        /Baseline|DestroyGuard|RandomPassword|Cutovers|pulumi:|app-roles:index/,
      );
    }
  });

  test("of a failing preview says why, and which policy fails", () => {
    const text = rendered(recorded("failing"));
    expect(lines(text)[0]).toBe("### ❌ The preview of `prod` fails");
    expect(text).toContain("the limits add up to 100, 5 over the ceiling of 95");
    expect(text).toContain(
      "**Policies that fail**\n- `connection-budget`: `the connection limits add up to 100, 5 above",
    );
    expect(lines(rendered(recorded("policy")))[0]).toBe("### ❌ A policy refuses the up of `prod`");
  });

  test("shows what drifted and who leaves", () => {
    expect(rendered(recorded("drift"))).toContain("- `dashboard_app`: limit `50` → `10`");
    const removal = rendered(recorded("removal"));
    expect(removal).toContain("- `audit_app` is dropped with all its privileges");
    expect(removal).toContain("- `dashboard_api`: `is cut over to dashboard_app; you restart it with its new URL`");
  });

  test("does not depend on the order of the events", () => {
    for (const name of ["first", "change"] as const) {
      expect(rendered(reordered(recorded(name)))).toBe(rendered(recorded(name)));
    }
  });
});

const urn = (type: string, name: string) => `urn:pulumi:prod::app-roles::${type}::${name}`;

const create = (type: string, name: string, inputs: Record<string, unknown>): EngineEvent => ({
  resourcePreEvent: { metadata: { urn: urn(type, name), type, op: "create", old: null, new: { inputs } } },
});

const update = (type: string, name: string, old: StepState, next: StepState, more = {}): EngineEvent => ({
  resourcePreEvent: { metadata: { urn: urn(type, name), type, op: "update", old, new: next, ...more } },
});

test("services that restart are named with what restarts them", () => {
  const parent = urn("app-roles:index:Service", "api");
  const inService = (event: EngineEvent) => {
    const state = event.resourcePreEvent?.metadata.new;
    if (state) state.parent = parent;
    return event;
  };
  const inputs = (connectAs: string, changes = {}): StepState => ({
    inputs: { service: "api", connectAs, role: "api_app", isDeployed: true, changes },
  });
  const envChanges = {
    "DATABASE_URL in /srv/api.env": "user postgres -> api_app",
    "container shop-api-1": "user postgres -> api_app",
  };
  const text = rendered([
    update("pgaccess:index:ServiceUrl", "api", inputs("legacy"), inputs("role")),
    update("pgaccess:index:ServiceEnv", "api", inputs("legacy"), inputs("role", envChanges)),
    inService({
      resourcePreEvent: {
        metadata: {
          urn: urn("docker:index/container:Container", "api"),
          ...{ type: "docker:index/container:Container", op: "create-replacement", old: {}, new: {} },
        },
      },
    }),
  ]);
  expect(text).toContain(
    "- `api`: `is cut over to api_app; its container is replaced; restarts as api_app, through DATABASE_URL in /srv/api.env, container shop-api-1`",
  );
});

test("settings and attributes that the official Role changes are named, a password without its value", () => {
  const old = { name: "api_app", statementTimeout: 0, searchPaths: ["a", "b"], superuser: true, connectionLimit: 5 };
  const next = { name: "api_app", statementTimeout: 90_000, searchPaths: ["a"], superuser: false, connectionLimit: 5 };
  const detailedDiff = { statementTimeout: {}, "searchPaths[1]": {}, superuser: {}, password: {} };
  const text = rendered([
    update(
      "postgresql:index/role:Role",
      "api_app",
      { outputs: { ...old, password: "hunter22" } },
      { inputs: { ...next, password: "hunter33" } },
      { detailedDiff },
    ),
  ]);
  for (const change of ["statement_timeout: unset -> 90s", "search_path: a, b -> a", "superuser: true -> false"]) {
    expect(text).toContain(`- \`${change}\` for \`api_app\``);
  }
  expect(text).toContain("- `password: changes` for `api_app`");
  expect(text).not.toContain("hunter");
});

test("several steps of one resource are one change: a replacement, an adoption", () => {
  const password = "random:index/randomPassword:RandomPassword";
  const role = "postgresql:index/role:Role";
  const step = (type: string, name: string, op: string, more = {}): EngineEvent => ({
    resourcePreEvent: { metadata: { urn: urn(type, name), type, op, old: {}, new: {}, ...more } },
  });
  const inputs = { name: "old_app", login: true, connectionLimit: 3 };
  const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
  const text = rendered([
    ...["create-replacement", "replace", "delete-replaced"].map((op) => step(password, "api_app", op)),
    ...["delete-replaced", "replace", "create-replacement"].map((op) => step(password, "web_app", op)),
    step(role, "old_app", "import", { new: { inputs } }),
    step(role, "old_app", "update", { new: { inputs: { ...inputs, searchPaths: unknown } } }),
  ]);
  expect(text).toContain("1 role adopted, 2 new passwords, 1 setting changed.");
  expect(text).toContain("- `api_app` gets a new password\n- `web_app` gets a new password");
  expect(text).toContain("- `old_app` is adopted: limit 3");
  expect(text).toContain("- `search_path: unset -> not known yet` for `old_app`");
});

test("a resource that is not ours is not left out", () => {
  const text = rendered([
    create("aws:s3/bucket:Bucket", "backups", {}),
    update("pulumi:providers:postgresql", "server", {}, {}, { detailedDiff: { host: { diffKind: "update" } } }),
  ]);
  expect(text).toContain("- `aws:s3/bucket:Bucket` `backups` is created");
  expect(text).toContain("- `pulumi:providers:postgresql` `server` is updated (`host`)");
});

describe("at any size", () => {
  const roles = 480;
  const tables = 10_000;

  test("480 roles x 10,000 objects: 60 lines, 65,536 characters, the summary whole", () => {
    const changes = Object.fromEntries(
      Array.from({ length: tables }, (_, at) => [
        `schema_${at % 50}.${"t".repeat(50)}_${at}`,
        "grant SELECT, INSERT; revoke DELETE",
      ]),
    );
    const owners = Object.fromEntries(Object.keys(changes).map((object) => [object, "owner postgres -> the_owner"]));
    const entries = Array.from({ length: roles }, (_, at) => ({ role: `app_${at}`, limit: 1, source: "declared" }));
    function* events(): Generator<EngineEvent> {
      yield create("pgaccess:index:ConnectionBudget", "server", { entries, ceiling: 500 });
      for (let at = 0; at < roles; at++) {
        const role = `app_${at}`;
        yield create("postgresql:index/role:Role", role, { name: role, login: true, connectionLimit: 1 });
        yield create("pgaccess:index:Privileges", `${role}.shop`, {
          role,
          database: `shop_${at % 40}`,
          access: "writer",
          changes,
        });
        if (at < 10)
          yield create("pgaccess:index:Ownership", `shop_${at}`, {
            database: `shop_${at}`,
            owner: "the_owner",
            changes: owners,
          });
        yield { diagnosticEvent: { severity: "warning", message: `${role}: ${"a long warning ".repeat(200)}` } };
        yield {
          policyEvent: {
            policyName: "p",
            enforcementLevel: "mandatory",
            message: `description\n${role} ${"x".repeat(3000)}`,
          },
        };
        yield { diagnosticEvent: { severity: "error", message: `${role}: ${"an error\n".repeat(50)}` } };
      }
    }
    const text = rendered(events());
    expect(lines(text).length).toBeLessThanOrEqual(maxLines);
    expect(text.length).toBeLessThan(maxCharacters);
    expect(lines(text)[0]).toBe("### ❌ The preview of `prod` fails");
    expect(text).toContain(
      "480 errors, 480 policy violations, 480 roles created, 9,600,000 privileges gained, 4,800,000 privileges lost, 100,000 objects with another owner, 480 new warnings.",
    );
    expect(text).toContain("480 of 500 connections");
    expect(text).toMatch(/- and 4\d\d more/);
  });
});

describe("hostile names", () => {
  const hostile = [
    "`; </details> `` <script>alert(1)</script> ```",
    "a|b\n\n# heading\n- [x](javascript:alert(1)) ![](http://x/y.png) @team #1",
    "\u202Eevil\u200B\u0007",
    "</code><img src=x onerror=alert(1)> --> <!-- ",
    `${"`".repeat(70)}`,
  ];

  test.each(hostile)("%j stays text", (name) => {
    const text = rendered([
      create("postgresql:index/role:Role", "r", { name, login: true, connectionLimit: 1 }),
      create("pgaccess:index:Privileges", "p", { role: name, database: name, changes: { [name]: `grant ${name}` } }),
      create("pgaccess:index:Ownership", "o", { database: name, changes: { [name]: `owner ${name} -> ${name}` } }),
      create("pgaccess:index:RoleSettings", "s", { role: name, changes: { [name]: name } }),
      create("aws:x:Y", name, {}),
      { diagnosticEvent: { severity: "warning", message: name } },
      { diagnosticEvent: { severity: "error", message: name } },
      { policyEvent: { policyName: name, enforcementLevel: "advisory", message: `d\n${name}` } },
    ]);
    // What is left without code blocks and code spans is what this program wrote.
    const outside = text
      .replace(/^(`{3,})text\n[\s\S]*?\n\1$/gm, "")
      .replace(/(?<!`)(`+)(?!`)([\s\S]*?[^`])\1(?!`)/g, "CODE");
    expect(outside).not.toMatch(/script|img|alert|@team|heading|javascript|evil|`/);
    expect(outside.match(/<[^>]*>/g)?.filter((tag) => !/^<\/?(?:details|summary)>$/.test(tag)) ?? []).toEqual([]);
    // GitHub follows direction marks in code too.
    expect(text).not.toMatch(/\p{Cf}/u);
  });
});
