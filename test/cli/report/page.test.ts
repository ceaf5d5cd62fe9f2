import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import axe from "axe-core";
import { afterAll, describe, expect, test } from "vitest";
import { Findings } from "../../../cli/audit/finding.ts";
import { Observations } from "../../../cli/audit/observation.ts";
import { type Report, reportPage } from "../../../cli/report/page.ts";
import { declare } from "../audit/deployed.ts";

const names = (count: number, prefix: string) => Array.from({ length: count }, (_, index) => `${prefix}_${index + 1}`);
const address = {
  host: "db",
  port: 5432,
  user: "postgres",
  password: "secret",
  database: "postgres",
  sslmode: "disable",
};

/** An estate with that many roles, schemas, services and findings. */
function reportOf(size: number): Report {
  const roles = names(size, "a_role_with_a_long_name");
  const observations = new Observations();
  for (const sessions of [1, 3, 2]) {
    observations.add({
      slots: { max: 100, superuserReserved: 3, reserved: 0, used: 60 + sessions },
      roles: [
        ...roles.map((role) => ({ role, limit: 4, superuser: false, sessions })),
        { role: "postgres", limit: -1, superuser: true, sessions },
      ],
      superuserSessions: [],
      at: new Date(sessions * 1000),
    });
  }
  const findings = new Findings();
  for (const [index, object] of names(size, "finding").entries()) {
    findings.add({
      check: index % 2 ? "public-relation" : "drift",
      object,
      severity: index % 3 === 0 ? "high" : index % 3 === 1 ? "medium" : "low",
      what: `owners in ${object} drifted (live -> declared): tickets.comments: owner postgres -> tracksolid_owner, and 12 more`,
      fix: "in tracksolid_db: REVOKE INSERT, UPDATE ON tickets.attachments, tickets.comments, tickets.tickets FROM PUBLIC",
      details: ["one", "two"],
      ...(index % 2 && { cis: "4.6" as const }),
    });
  }
  findings.cannot("md5-password", "auditor cannot read pg_authid", "GRANT SELECT ON pg_authid TO auditor");
  findings.note("the server is a standby");
  const declared = declare({
    server: { host: "db" },
    roles: Object.fromEntries(roles.map((role) => [role, { connectionLimit: 4 }])),
  });
  return {
    audit: {
      subject: { address, namedBy: "stack", declared },
      version: "18.4",
      isStandby: true,
      observations,
      logins: [],
      findings,
      at: new Date(0),
    },
    owners: names(size, "schema").map((schema) => ({
      database: "tracksolid_db",
      schema,
      before: [
        ["postgres", 9],
        ["reporting_refresher", 1],
      ],
      now: [
        ["tracksolid_owner", 9],
        ["reporting_refresher", 1],
      ],
    })),
    services: names(size, "service").map((name, index) => ({
      name,
      database: "tracksolid_db",
      role: "tracksolid_owner",
      runtime: "compose",
      inForce: index % 2 ? "role" : "legacy",
      isPending: index === 3,
      rollback: index % 2 ? `npx app-roles rollback ${name} --stack prod` : "not needed: on its legacy URL",
    })),
  };
}

test("tables longer than the paper say how many rows are only in the file", () => {
  expect(reportPage(reportOf(6))).not.toContain("more in the file");
  expect(reportPage(reportOf(40))).toMatch(/<p class="printed">\d+ more in the file\.<\/p>/);
});

test("the checks that could not be made and the notes are on the page", () => {
  const page = reportPage(reportOf(1));
  expect(page).toContain("<strong>md5-password</strong>: auditor cannot read pg_authid.");
  expect(page).toContain('<p class="muted">the server is a standby.</p>');
});

const chromium = ["chromium", "chromium-browser", "google-chrome"].find(
  (name) => spawnSync(name, ["--version"]).status === 0,
);

describe.skipIf(chromium === undefined)(
  `in headless Chromium (needs chromium on the PATH; found: ${chromium ?? "none"})`,
  () => {
    const folder = mkdtempSync(join(tmpdir(), "app-roles-page-"));
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    function run(page: string, ...args: string[]): string {
      const file = join(folder, "page.html");
      writeFileSync(file, page);
      const common = ["--headless", "--no-sandbox", "--disable-gpu", `--user-data-dir=${join(folder, "profile")}`];
      const { stdout, status, stderr } = spawnSync(chromium ?? "", [...common, ...args, `file://${file}`], {
        encoding: "utf8",
        maxBuffer: 64 * 1024 * 1024,
      });
      expect(status, stderr).toBe(0);
      return stdout;
    }

    test.each([
      ["light", "1", "1200,900"],
      ["dark", "0", "1200,900"],
      ["a phone's width", "1", "400,900"],
      ["a phone's width, dark", "0", "400,900"],
    ])("axe finds no violation, and nothing is wider than the window: %s", (_, scheme, size) => {
      // The page's own policy allows no script.
      const page = reportPage(reportOf(6))
        .replace(/<meta http-equiv[^>]*>/, "")
        .replaceAll("<details>", "<details open>");
      const check = `axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) => {
      const found = violations.map(({ id, nodes }) => id + ": " + nodes.map(({ target }) => target.join(" ")).join(", "));
      const { scrollWidth, clientWidth } = document.documentElement;
      document.body.replaceChildren();
      document.body.dataset.found = JSON.stringify([...found, ...(scrollWidth > clientWidth ? [scrollWidth + " > " + clientWidth] : [])]);
      document.body.dataset.dark = matchMedia("(prefers-color-scheme: dark)").matches;
    })`;
      const injected = page.replace(
        "</body>",
        () => `<script>${axe.source.replaceAll("</script", "<\\/script")}</script><script>${check}</script></body>`,
      );
      const dom = run(
        injected,
        `--blink-settings=preferredColorScheme=${scheme}`,
        `--window-size=${size}`,
        "--virtual-time-budget=20000",
        "--dump-dom",
      );
      const attribute = (name: string) =>
        new RegExp(`<body[^>]* data-${name}="([^"]*)"`).exec(dom)?.[1]?.replaceAll("&quot;", '"');
      expect(attribute("dark")).toBe(String(scheme === "0"));
      expect(JSON.parse(attribute("found") ?? "null")).toEqual([]);
    });

    test.each([6, 40])("it prints on at most two pages: %i roles, schemas, services and findings", (size) => {
      const pdf = join(folder, "page.pdf");
      run(reportPage(reportOf(size)), "--no-pdf-header-footer", `--print-to-pdf=${pdf}`);
      const pages = [...readFileSync(pdf, "latin1").matchAll(/\/Type\s*\/Page\b/g)].length;
      expect(pages).toBeLessThanOrEqual(2);
      expect(pages).toBeGreaterThan(0);
    });
  },
);
