import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fleet, type Name, names } from "../e2e/fleet.ts";
import { bounds } from "./bounds.ts";
import { FleetEstate } from "./fleet-estate.ts";

/** Number of steps and seed of the random walk. */
const { numRuns: steps, seed } = bounds(24);

let shop: FleetEstate;
beforeAll(async () => {
  shop = await FleetEstate.create();
});
afterAll(() => shop?.remove());

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
    const onRole = () => names.filter((name) => shop.services.user(name) !== "postgres");
    const onLegacy = () => names.filter((name) => shop.services.user(name) === "postgres");
    const must = async (codes: number[], ...args: string[]) => {
      const { code, said } = await shop.appRoles(...args);
      expect(codes, `${done.join("\n")}\n${said}`).toContain(code);
    };

    /** Each returns what it did; undefined if there was nothing to do. */
    const actions: Record<string, () => Promise<string | undefined>> = {
      async cutover() {
        const name = pick([...onLegacy(), undefined]);
        if (!name) return undefined;
        await must([0], "cutover", name);
        expect(shop.services.user(name)).toBe(fleet[name].role);
        return name;
      },
      async refused() {
        const name = pick([...onLegacy(), undefined]);
        if (!name) return undefined;
        shop.services.broken.add(name);
        await must([1], "cutover", name);
        shop.services.broken.clear();
        expect(shop.services.user(name)).toBe("postgres");
        return name;
      },
      async rollback() {
        const name = pick([...onRole(), undefined]);
        if (!name) return undefined;
        await must([0], "rollback", name);
        expect(shop.services.user(name)).toBe("postgres");
        return name;
      },
      async rotate() {
        const role = pick(["dashboard_app", "tracksolid_owner"]);
        await must([0], "rotate", role);
        return role;
      },
      async up() {
        await shop.estate.up();
        return "";
      },
      async kit() {
        const name = pick([...onRole(), undefined]);
        if (!name || !existsSync(shop.services.at(`kit/${name}.sh`))) return undefined;
        await shop.kit(name);
        expect(shop.services.user(name)).toBe("postgres");
        await shop.check(`${done.join("\n")}\nkit ${name}`, false);
        await shop.preview(`${done.join("\n")}\nkit ${name}`);
        // Its message says so: update the stack's file.
        if (next() < 0.5) await must([0], "rollback", name);
        else {
          await shop.estate.sandbox.setConfig(`services.${name}.connectAs`, "legacy");
          await shop.estate.up();
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
        const { child, ended } = shop.begin(command);
        await Promise.race([sleep(after), ended]);
        const isCut = child.exitCode === null;
        if (isCut) process.kill(-(child.pid as number), "SIGKILL");
        await ended;
        await settled();
        const what = `${command.join(" ")}, ${isCut ? `killed after ${after} ms` : "ended before its kill"}`;
        await shop.estate.sandbox.pulumi(["cancel", "--yes"]);
        const preview = await shop.estate.sandbox.pulumi(["preview", "--refresh=false"]);
        expect(preview.code, `${done.join("\n")}\n${what}\n${preview.stdout}${preview.stderr}`).toBe(0);
        // A killed command is run again, or the next up finishes it.
        const [verb, name = ""] = command;
        if (verb === "rollback" && next() < 0.7) {
          await must([0], "rollback", name);
          expect(shop.services.user(name as Name)).toBe("postgres");
        } else await shop.estate.up();
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
      // The next step's command plans the whole stack, as a preview does, and fails if this step left a state that cannot be planned.
      await shop.check(done.join("\n"));
    }
    await shop.preview(done.join("\n"));
  },
  Math.max(240_000, steps * 60_000),
);

/** Resolves once orphaned processes have noticed the loss of their engine. */
async function settled(): Promise<void> {
  const sessions = () =>
    shop.estate.query("postgres", "SELECT pid FROM pg_stat_activity WHERE application_name = 'app-roles'");
  await expect.poll(sessions, { timeout: 20_000 }).toEqual([]);
}

test("no password was printed", () => shop.expectNoPasswordPrinted());
