import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CommandServices } from "../e2e/command-services.ts";
import { createEstate, type Estate, filesBelow } from "../e2e/estate.ts";
import { type Place, placesOfPasswords } from "../e2e/password-search.ts";
import { ProcessWatch, type SeenProcess } from "./process-watch.ts";

let estate: Estate;
let services: CommandServices;
let watch: ProcessWatch;
/** Names of temporary files before the test. */
let before: Set<string>;

beforeAll(async () => {
  before = new Set(readdirSync(tmpdir()));
  // Other tests, which run at the same time, may pass the password of their servers as an argument.
  estate = await createEstate({}, { password: randomBytes(24).toString("hex"), pluginProcess: true });
  services = await CommandServices.declare(estate, { timeout: "10s", soak: "0s" });
  // The user's executable records its input, and prints it on failure.
  const [shebang, ...lines] = readFileSync(services.at("keep.sh"), "utf8").split("\n");
  const repeating = lines.join("\n").replace("no room on the node", 'no room for $(cat "$1.url")');
  writeFileSync(services.at("keep.sh"), `${shebang}\necho "$*" >>seen.args; env >>seen.env\n${repeating}`);
  watch = new ProcessWatch();
});
afterAll(async () => {
  await services?.stop();
  await estate?.remove();
});

async function appRoles(...args: string[]): Promise<number | null> {
  const child = spawn("node", ["bin/app-roles.js", ...args], { cwd: estate.sandbox.dir, env: estate.sandbox.env });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (said += data));
  const [code] = (await once(child, "close")) as [number | null];
  estate.printed.push(said);
  return code;
}

test("no password leaks to output, logs, state, arguments, environments or readable files", async () => {
  const passwords = new Set([estate.postgres.password]);
  const learn = async () => {
    for (const password of await estate.passwords()) passwords.add(password);
  };
  const verbose = ["--logtostderr", "-v=9"];
  await estate.pulumi(["preview", "--diff", "--policy-pack", "policies"]);
  await estate.up(...verbose);
  await learn();
  expect(await appRoles("doctor")).toBe(0);
  expect(await appRoles("cutover", "dashboard_api")).toBe(0);
  expect(await appRoles("rotate", "dashboard_app")).toBe(0);
  await learn();
  await estate.sandbox.setConfig("services.dashboard_api.connectAs", "legacy");
  writeFileSync(services.at("broken"), "");
  await estate.pulumi(["up", "--yes", "--skip-preview"], { fails: true });
  rmSync(services.at("broken"));
  expect(await appRoles("rollback", "dashboard_api")).toBe(0);
  await estate.sandbox.setConfig("roles.dashboard_app.connectionLimit", 90);
  await estate.pulumi(["preview", "--json", "--policy-pack", "policies"], { fails: true });
  await estate.sandbox.setConfig("roles.dashboard_app.connectionLimit", 8);
  await estate.up();
  await estate.pulumi(["destroy", "--yes", "--skip-preview", ...verbose]);
  const processes = await watch.end();

  // The checks must have seen something.
  expect(passwords.size).toBeGreaterThan(5);
  expect(processes.filter(({ command }) => command.includes("pulumi-resource-pgaccess")).length).toBeGreaterThan(3);
  const places: Place[] = [
    ...(await filesBelow(estate.sandbox.backend)),
    { path: "the server's log", text: readFileSync(estate.postgres.logFile, "latin1") },
    ...estate.printed
      .map(withoutEngineValues)
      .map((text, index) => ({ path: `output ${index}: ${text.slice(0, 200)}`, text })),
    ...processes.map(({ command }) => ({ path: `arguments of ${command.slice(0, 200)}`, text: command })),
    { path: "the user's executable's arguments", text: readFileSync(services.at("seen.args"), "utf8") },
    { path: "the user's executable's environment", text: readFileSync(services.at("seen.env"), "utf8") },
    ...(await openFiles()),
  ];
  expect(placesOfPasswords(passwords, places)).toEqual([]);

  // The admin's password is in the environment of pulumi and its plugins because the user set it there.
  const roles = [...passwords].filter((password) => password !== estate.postgres.password);
  const environments = processes
    .filter(isOfTheStack)
    .map(({ command, environment }) => ({ path: command, text: environment }));
  expect(placesOfPasswords(roles, environments)).toEqual([]);
}, 600_000);

/** At -v=9 the engine logs every value, secret or not (docs/security.md). */
function withoutEngineValues(text: string): string {
  const isValue =
    /"msg":"(?:Unmarshaling|Marshaling) property|RegisterResource RPC (?:prepared|finished)|RegisterResourceOutputs/;
  return text
    .split("\n")
    .filter((line) => !isValue.test(line))
    .join("\n");
}

/** Files of this sandbox, not of the tests. */
function isOfTheStack({ environment }: SeenProcess): boolean {
  return environment.includes(estate.sandbox.dir) || environment.includes(estate.sandbox.backend);
}

/** Leftover temporary files, and temporary files that other users can read. */
async function openFiles(): Promise<Place[]> {
  const made = readdirSync(tmpdir()).filter((name) => !before.has(name) && name.startsWith("app-roles-"));
  const others = made.filter(
    (name) => !estate.sandbox.dir.startsWith(join(tmpdir(), name)) && !estate.postgres.logFile.includes(name),
  );
  const folders = others.filter(
    (name) => statSync(join(tmpdir(), name)).isDirectory() && (statSync(join(tmpdir(), name)).mode & 0o077) !== 0,
  );
  return (await Promise.all(folders.map((name) => filesBelow(join(tmpdir(), name))))).flat();
}
