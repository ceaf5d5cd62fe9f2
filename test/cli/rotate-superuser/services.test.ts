import { expect, test } from "vitest";
import {
  deployedServices,
  followers,
  heldUrls,
  serviceFindings,
  unappliedSwitches,
} from "../../../cli/rotate-superuser/services.ts";
import { parseStack } from "../../../config/parse-stack.ts";

const password = "former";
const admin = `postgresql://postgres:${password}@db:5432/shop`;
const compose = { files: ["docker-compose.yml"], envFile: "api.env" };

/** A stack of services of one role, and the state of its last up. */
function stackOf(
  services: Record<string, object>,
  secrets: Record<string, { legacyUrl: string }> = {},
  kept: Record<string, string> = {},
) {
  const stack = parseStack({
    server: { host: "db" },
    databases: { shop: { schemas: ["shop"] } },
    roles: { reader: { connectionLimit: 50, access: { shop: "reader" } } },
    services: Object.fromEntries(
      Object.entries(services).map(([name, each]) => [
        name,
        { database: "shop", role: "reader", migrates: false, ...each },
      ]),
    ),
    serviceSecrets: secrets,
  });
  const resources = stack.services.flatMap(({ name, connectAs }) => {
    const parent = `urn:pulumi:prod::app-roles::app-roles:index:Service::${name}`;
    const url = kept[name];
    return [
      { urn: parent, type: "app-roles:index:Service" },
      { urn: `url::${name}`, type: "pgaccess:index:ServiceUrl", parent, inputs: { connectAs } },
      ...(url === undefined
        ? []
        : [
            {
              urn: `legacy::${name}`,
              type: "pgaccess:index:LegacyUrl",
              parent,
              outputs: { url: { plaintext: JSON.stringify(url) } },
            },
          ]),
    ];
  });
  return { stack, deployed: deployedServices({ resources }) };
}

test("a service on legacy is found, whatever the source of its URL; one that logs in as another user is not", () => {
  const { stack, deployed } = stackOf(
    {
      made: {},
      given: {},
      other: {},
      found: { runtime: "compose", compose },
      elsewhere: { runtime: "compose", compose },
    },
    { given: { legacyUrl: `${admin}?sslmode=require` }, other: { legacyUrl: "postgresql://old:x@db/shop" } },
    { found: admin, elsewhere: "postgresql://old:x@db/shop" },
  );
  const findings = serviceFindings(stack, deployed, password);
  expect(findings.map(({ name, found }) => `${name} ${found}`)).toEqual([
    "service/made is on legacy and logs in as postgres, with a URL built from this password",
    "service/given is on legacy and logs in as postgres (app-roles:serviceSecrets.given.legacyUrl)",
    "service/found is on legacy and logs in as postgres (api.env)",
  ]);
  expect(JSON.stringify(findings)).not.toContain("former@");
  expect(followers(stack, deployed).map(({ name }) => name)).toEqual(["made"]);
  const noUpYet = deployedServices({});
  expect(followers(stack, noUpYet)).toEqual([]);
});

test("a service on its role counts only if its recorded legacy URL holds this password", () => {
  const role = { connectAs: "role" };
  const { stack, deployed } = stackOf(
    { made: role, given: role, found: { ...role, runtime: "compose", compose }, dead: role },
    { given: { legacyUrl: admin }, dead: { legacyUrl: "postgresql://postgres:long-gone@db/shop" } },
    { found: admin },
  );
  const findings = serviceFindings(stack, deployed, password);
  expect(findings.map(({ name }) => name)).toEqual(["service/given", "service/found"]);
  expect(findings[0]?.afterwards).toContain("that URL gets the new password in the same run");
  expect(findings[0]?.found).toContain("app-roles:serviceSecrets.given.legacyUrl");
  expect(followers(stack, deployed)).toEqual([]);
  const renewed = admin.replace("former", "new%3A");
  expect(heldUrls(stack, deployed, password, "new:")).toMatchObject([
    { service: { name: "given" }, isGiven: true, renewed },
    { service: { name: "found" }, isGiven: false, renewed },
  ]);
});

test("the password of the last up is read from the state, for a run that continues an earlier one", () => {
  const inputs = { password: { plaintext: JSON.stringify(password) } };
  const provider = { urn: "pgaccess", type: "pulumi:providers:pgaccess", inputs };
  expect(deployedServices({ resources: [provider] }).adminPassword).toBe(password);
});

test("a change of connectAs that no up has applied is detected", () => {
  const { stack, deployed } = stackOf({ one: {}, two: { connectAs: "role" } });
  expect(unappliedSwitches(stack, deployed)).toEqual([]);
  expect(unappliedSwitches(stack, { ...deployed, connectAs: new Map([["two", "legacy"]]) })).toEqual(["two"]);
});

test("a service on legacy with its own URL gets the new password if it logs in with the previous one", () => {
  const { stack, deployed } = stackOf(
    { made: {}, given: {}, found: { runtime: "compose", compose }, other: {}, elsewhere: {} },
    {
      given: { legacyUrl: admin },
      other: { legacyUrl: "postgresql://postgres:another@db/shop" },
      elsewhere: { legacyUrl: `postgresql://old:${password}@db/shop` },
    },
    { found: admin },
  );
  expect(heldUrls(stack, deployed, password, "next")).toMatchObject([
    { service: { name: "given" }, isGiven: true, renewed: admin.replace("former", "next") },
    { service: { name: "found" }, isGiven: false, renewed: admin.replace("former", "next"), place: "api.env" },
    { service: { name: "elsewhere" }, isGiven: true, renewed: undefined },
  ]);
  const afterwards = Object.fromEntries(
    serviceFindings(stack, deployed, password).map(({ name, afterwards }) => [name, afterwards]),
  );
  expect(afterwards["service/found"]).toMatch(
    /until the final up has restarted it with the new one; with --keep-legacy-urls, until you set the new one in api\.env$/,
  );
  expect(afterwards["service/given"]).toMatch(
    /until you restart it with the new one: npx app-roles env given; with --keep-legacy-urls, until you set the new one in \S+, and restart it with it$/,
  );
  expect(afterwards["service/other"]).toMatch(
    /^its next connections fail: set the new password in app-roles:serviceSecrets\.other/,
  );
});
