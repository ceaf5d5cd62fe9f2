import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { createEstate, type Estate } from "../e2e/estate.ts";
import { Fleet, type Name, names } from "../e2e/fleet.ts";

/** The fleet's services in an estate after its first up, and what holds after each step of a rollback test. */
export class FleetEstate {
  readonly estate: Estate;
  readonly services: Fleet;

  private constructor(estate: Estate, services: Fleet) {
    this.estate = estate;
    this.services = services;
  }

  static async create(): Promise<FleetEstate> {
    const estate = await createEstate();
    const services = await Fleet.declare(estate, { timeout: "6s", soak: "0s" });
    await estate.up();
    return new FleetEstate(estate, services);
  }

  async remove(): Promise<void> {
    await this.services.stop();
    await this.estate.remove();
  }

  begin(args: string[]): { child: ChildProcess; ended: Promise<{ code: number | null; said: string }> } {
    const { sandbox, printed } = this.estate;
    const child = spawn("node", ["bin/app-roles.js", ...args], { cwd: sandbox.dir, env: sandbox.env, detached: true });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        said += text;
      });
    }
    const ended = once(child, "close").then(([code]) => {
      printed.push(said);
      return { code: code as number | null, said };
    });
    return { child, ended };
  }

  appRoles(...args: string[]): Promise<{ code: number | null; said: string }> {
    return this.begin(args).ended;
  }

  /** Runs the script of the rollback kit and returns its exit code and signal. */
  async kit(name: Name): Promise<unknown[]> {
    const options = { env: this.estate.sandbox.env, stdio: "ignore" } as const;
    return once(spawn("sh", [this.services.at(`kit/${name}.sh`)], options), "close");
  }

  /** A preview works. */
  async preview(what: string): Promise<void> {
    const { code, stdout, stderr } = await this.estate.sandbox.pulumi(["preview", "--refresh=false"]);
    expect(code, `${what}\n${stdout}${stderr}`).toBe(0);
  }

  /** Invariants that hold after each step. */
  async check(what: string, isSettled = true): Promise<void> {
    const { estate, services } = this;
    const urls = await estate.databaseUrls();
    for (const name of names) {
      await expect(services.login(name), `${what}: ${name} as ${services.user(name)}`).resolves.toBeUndefined();
      if (isSettled)
        expect(urls[name] === services.running(name), `${what}: ${name} has the URL of the outputs`).toBe(true);
      if (isSettled)
        expect(services.user(name) === "postgres", `${what}: ${name}`).toBe(this.#switchOf(name) === "legacy");
    }
  }

  #switchOf(name: Name): string | undefined {
    const text = readFileSync(this.services.at("Pulumi.prod.yaml"), "utf8");
    return new RegExp(`^    ${name}:\n(?:      .*\n)*?      connectAs: (\\w+)$`, "m").exec(text)?.[1];
  }

  async expectNoPasswordPrinted(): Promise<void> {
    const printed = this.estate.printed.join("\n");
    for (const password of [this.estate.postgres.password, ...(await this.estate.passwords())])
      expect(printed).not.toContain(password);
  }
}
