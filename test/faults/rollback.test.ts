import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createEstate, type Estate } from "../e2e/estate.ts";
import { Fleet, fleet, type Name, names } from "../e2e/fleet.ts";
import { bounds } from "./bounds.ts";

/** Number of steps and seed of the random walk. */
const { numRuns: steps, seed } = bounds(24);

let estate: Estate;
let services: Fleet;

function begin(args: string[]): { child: ChildProcess; ended: Promise<{ code: number | null; said: string }> } {
  const options = { cwd: estate.sandbox.dir, env: estate.sandbox.env, detached: true };
  const child = spawn("node", ["bin/app-roles.js", ...args], options);
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
  }
  const ended = once(child, "close").then(([code]) => {
    estate.printed.push(said);
    return { code: code as number | null, said };
  });
  return { child, ended };
}

const appRoles = (...args: string[]) => begin(args).ended;
const text = () => readFileSync(services.at("Pulumi.prod.yaml"), "utf8");
const switchOf = (name: Name) =>
  new RegExp(`^    ${name}:\n(?:      .*\n)*?      connectAs: (\\w+)$`, "m").exec(text())?.[1];

beforeAll(async () => {
  estate = await createEstate();
  services = await Fleet.declare(estate, { timeout: "6s", soak: "0s" });
  await estate.up();
});
afterAll(async () => {
  await services?.stop();
  await estate?.remove();
});

/** Invariants that hold after each step. */
async function check(what: string, isSettled = true): Promise<void> {
  const preview = await estate.sandbox.pulumi(["preview", "--refresh=false"]);
  expect(preview.code, `${what}\n${preview.stdout}${preview.stderr}`).toBe(0);
  const urls = await estate.databaseUrls();
  for (const name of names) {
    await expect(services.login(name), `${what}: ${name} as ${services.user(name)}`).resolves.toBeUndefined();
    if (isSettled)
      expect(urls[name] === services.running(name), `${what}: ${name} has the URL of the outputs`).toBe(true);
    if (isSettled) expect(services.user(name) === "postgres", `${what}: ${name}`).toBe(switchOf(name) === "legacy");
  }
}

test("two services with a command: the first is rolled back after an up and the cutover of the second", async () => {
  expect(await appRoles("cutover", "dashboard_api")).toMatchObject({ code: 0 });
  await estate.up();
  expect(await appRoles("cutover", "worker")).toMatchObject({ code: 0 });
  await check("both are on their role");
  const deploys = services.restarts("dashboard_api");
  const { code, said } = await appRoles("rollback", "dashboard_api");
  expect({ code, said }).toEqual({
    code: 0,
    said: expect.stringContaining("dashboard_api runs with its legacy URL again: its command deployed it"),
  });
  expect(said).not.toContain("Duplicate resource URN");
  await check("the first went back");
  expect([services.user("worker"), Number(services.restarts("dashboard_api")) - Number(deploys)]).toEqual([
    "tracksolid_owner",
    1,
  ]);
  await estate.pulumi(["preview", "--expect-no-changes"]);
  expect(await appRoles("rollback", "dashboard_api")).toMatchObject({
    code: 0,
    said: expect.stringContaining("dashboard_api is already on its legacy URL"),
  });
});

test("compose with rollbackKit: a successful and a failed cutover are rolled back", async () => {
  expect(await appRoles("cutover", "ingest_worker")).toMatchObject({ code: 0 });
  await check("cut over");
  const back = await appRoles("rollback", "ingest_worker");
  expect(back).toMatchObject({
    code: 0,
    said: expect.stringContaining("ingest_worker runs with its legacy URL again"),
  });
  const { restarts } = { restarts: services.restarts("ingest_worker") };
  await check("gone back");
  services.broken.add("ingest_worker");
  const refused = await appRoles("cutover", "ingest_worker");
  services.broken.clear();
  expect(refused).toMatchObject({
    code: 1,
    said: expect.stringContaining("ingest_worker was rolled back to its legacy URL"),
  });
  expect(refused.said).not.toContain("snapshot integrity failure");
  await check("refused by its gate");
  expect(services.restarts("ingest_worker")).not.toBe(restarts);
  await estate.pulumi(["preview", "--expect-no-changes"]);
});

test("a service that its script rolled back blocks cutovers and rotations that would undo it", async () => {
  const { ended } = begin(["cutover", "webhook_receiver"]);
  expect(await ended).toMatchObject({ code: 0 });
  const script = spawn("sh", [services.at("kit/webhook_receiver.sh")], { env: estate.sandbox.env, stdio: "ignore" });
  expect(await once(script, "close")).toEqual([0, null]);
  const restarts = services.restarts("webhook_receiver");
  for (const args of [
    ["cutover", "ingest_worker"],
    ["rotate", "tracksolid_owner"],
  ]) {
    expect(await appRoles(...args)).toMatchObject({
      code: 1,
      said: expect.stringContaining("webhook_receiver was rolled back without the stack"),
    });
  }
  expect(await appRoles("rollback", "webhook_receiver")).toMatchObject({ code: 0 });
  expect(services.restarts("webhook_receiver")).toBe(restarts);
  await check("the stack knows");
});

/** Mulberry32. */
function random(from: number): () => number {
  let state = from;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

test(
  `${steps} random steps from ${seed}: a preview works, every service logs in, the outputs are true`,
  async () => {
    const next = random(seed);
    const pick = <T>(list: readonly T[]) => list[Math.floor(next() * list.length)] as T;
    const done: string[] = [];
    const onRole = () => names.filter((name) => services.user(name) !== "postgres");
    const onLegacy = () => names.filter((name) => services.user(name) === "postgres");
    const must = async (codes: number[], ...args: string[]) => {
      const { code, said } = await appRoles(...args);
      expect(codes, `${done.join("\n")}\n${said}`).toContain(code);
    };

    /** Each returns what it did; undefined if there was nothing to do. */
    const actions: Record<string, () => Promise<string | undefined>> = {
      async cutover() {
        const name = pick([...onLegacy(), undefined]);
        if (!name) return undefined;
        await must([0], "cutover", name);
        expect(services.user(name)).toBe(fleet[name].role);
        return name;
      },
      async refused() {
        const name = pick([...onLegacy(), undefined]);
        if (!name) return undefined;
        services.broken.add(name);
        await must([1], "cutover", name);
        services.broken.clear();
        expect(services.user(name)).toBe("postgres");
        return name;
      },
      async rollback() {
        const name = pick([...onRole(), undefined]);
        if (!name) return undefined;
        await must([0], "rollback", name);
        expect(services.user(name)).toBe("postgres");
        return name;
      },
      async rotate() {
        const role = pick(["dashboard_app", "tracksolid_owner"]);
        await must([0], "rotate", role);
        return role;
      },
      async up() {
        await estate.up();
        return "";
      },
      async kit() {
        const name = pick([...onRole(), undefined]);
        if (!name || !existsSync(services.at(`kit/${name}.sh`))) return undefined;
        const script = spawn("sh", [services.at(`kit/${name}.sh`)], { env: estate.sandbox.env, stdio: "ignore" });
        await once(script, "close");
        expect(services.user(name)).toBe("postgres");
        await check(`${done.join("\n")}\nkit ${name}`, false);
        // Its message says so: update the stack's file.
        if (next() < 0.5) await must([0], "rollback", name);
        else {
          await estate.sandbox.setConfig(`services.${name}.connectAs`, "legacy");
          await estate.up();
        }
        return name;
      },
      async kill() {
        const [role, legacy] = [pick([...onRole(), undefined]), pick([...onLegacy(), undefined])];
        const commands = [
          ...(role
            ? [
                ["rollback", role],
                ["rotate", fleet[role].role],
              ]
            : []),
          ...(legacy ? [["cutover", legacy]] : []),
        ];
        if (commands.length === 0) return undefined;
        const command = pick(commands);
        const after = Math.round(200 + next() * 9000);
        const { child, ended } = begin(command);
        await Promise.race([sleep(after), ended]);
        const isCut = child.exitCode === null;
        if (isCut) process.kill(-(child.pid as number), "SIGKILL");
        await ended;
        await settled();
        const what = `${command.join(" ")}, ${isCut ? `killed after ${after} ms` : "ended before its kill"}`;
        await estate.sandbox.pulumi(["cancel", "--yes"]);
        const preview = await estate.sandbox.pulumi(["preview", "--refresh=false"]);
        expect(preview.code, `${done.join("\n")}\n${what}\n${preview.stdout}${preview.stderr}`).toBe(0);
        // A killed command is run again, or the next up finishes it.
        const [verb, name = ""] = command;
        if (verb === "rollback" && next() < 0.7) {
          await must([0], "rollback", name);
          expect(services.user(name as Name)).toBe("postgres");
        } else await estate.up();
        return what;
      },
    };

    const weighted = [
      "cutover",
      "cutover",
      "cutover",
      "refused",
      "rollback",
      "rollback",
      "rotate",
      "up",
      "kit",
      "kill",
      "kill",
    ];
    while (done.length < steps) {
      const name = pick(weighted);
      const what = await actions[name]?.();
      if (what === undefined) continue;
      done.push(`${done.length + 1}. ${name} ${what}`);
      if (process.env.FAULT_CASES) console.log(done.at(-1));
      await check(done.join("\n"));
    }
  },
  Math.max(240_000, steps * 60_000),
);

/** Resolves once orphaned processes have noticed the loss of their engine. */
async function settled(): Promise<void> {
  const sessions = () =>
    estate.query("postgres", "SELECT pid FROM pg_stat_activity WHERE application_name = 'app-roles'");
  await expect.poll(sessions, { timeout: 20_000 }).toEqual([]);
}

test("no password was printed", async () => {
  const printed = estate.printed.join("\n");
  for (const password of [estate.postgres.password, ...(await estate.passwords())])
    expect(printed).not.toContain(password);
});
