import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createEstate, type Estate } from "./estate.ts";

let estate: Estate;
let former: string;
/** The generated password. */
let own: string;
const dir = () => estate.sandbox.dir;
const stored = () => readFileSync(join(dir(), "url"), "utf8");
const deploys = () => readFileSync(join(dir(), "deploys"), "utf8").split("\n").length - 1;

beforeAll(async () => {
  estate = await createEstate();
  former = `${estate.postgres.url("tracksolid_db")}?application_name=dash%20board`;
  writeFileSync(join(dir(), "url"), former);
  writeFileSync(join(dir(), "deploys"), "");
  writeFileSync(
    join(dir(), "keep.sh"),
    '#!/bin/sh\ncase "$2" in read) cat url ;; write) cat >url ;; deploy) echo "$1" >>deploys ;; esac\n',
  );
  chmodSync(join(dir(), "keep.sh"), 0o755);
  await estate.sandbox.setConfig("services.dashboard_api.runtime", "command");
  await estate.sandbox.setConfig("services.dashboard_api.command", { path: "./keep.sh" });
});
afterAll(() => estate.remove());

const switchTo = (connectAs: string) => estate.sandbox.setConfig("services.dashboard_api.connectAs", connectAs);

test("on legacy, the URL that the service has is kept, and nothing is deployed", async () => {
  await estate.up();
  expect([stored(), deploys()]).toEqual([former, 0]);
});

test("the cutover is one write and one deploy, seen in the preview by its user", async () => {
  await switchTo("role");
  const preview = await estate.preview();
  expect(preview).toMatch(/DATABASE_URL by \.\/keep\.sh.*user postgres -> user dashboard_app/);
  await estate.up();
  const url = new URL(stored());
  expect([url.username, url.search, deploys()]).toEqual(["dashboard_app", "?application_name=dash%20board", 1]);
  own = url.password;
});

test("a URL changed by hand is seen by a plain preview, and put right", async () => {
  await estate.pulumi(["preview", "--expect-no-changes"]);
  writeFileSync(join(dir(), "url"), former.replace("?", "?by=hand&"));
  expect(await estate.preview()).toMatch(/user postgres -> user dashboard_app/);
  await estate.up();
  expect([new URL(stored()).username, deploys()]).toEqual(["dashboard_app", 2]);
});

test("the way back works with the server down, byte for byte", async () => {
  await switchTo("legacy");
  await estate.postgres.stop();
  await estate.pulumi([
    "up",
    "--yes",
    "--skip-preview",
    "--refresh=false",
    "--target",
    "**ServiceEnv::dashboard_api",
    "--target",
    "**ServiceUrl::dashboard_api",
    "--target",
    "**LegacyUrl::dashboard_api",
  ]);
  expect([stored(), deploys()]).toEqual([former, 3]);
});

test("no password was printed", () => {
  const printed = estate.printed.join("\n");
  expect(printed).not.toContain(own);
  expect(printed).not.toContain(new URL(former).password);
});
