import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { machine } from "./cpu.ts";
import { type GoalName, goals } from "./goals.ts";

/** The last result of a bench. */
export interface Result {
  /** In the unit of the goal. */
  measured: number;
  /** What was compared, with units, such as `5.31 s / 1.43 s of CPU time`. */
  values: string;
  rounds: number;
  /** The plugins of others that ran. Undefined: none. */
  plugins?: "official" | "standin";
  /** Day, as in 2026-12-01. */
  when: string;
  machine: string;
}

export type Results = Partial<Record<GoalName, Result>>;

const folder = new URL("results/", import.meta.url);
const fileOf = (name: string) => new URL(`${name}.json`, folder);

/** Saves a result in place of an earlier one. The table and the plot in docs/ are made from them: `npm run bench:docs`. */
export function saveResult(name: GoalName, result: Omit<Result, "when" | "machine">): void {
  mkdirSync(folder, { recursive: true });
  const when = new Date().toISOString().slice(0, 10);
  const rounded = { ...result, measured: Number(result.measured.toPrecision(3)) };
  const described = `${machine()}, load ${loadavg()[0]?.toFixed(1)}`;
  writeFileSync(fileOf(name), `${JSON.stringify({ ...rounded, when, machine: described }, null, 2)}\n`);
}

export function readResults(): Results {
  const found = Object.keys(goals).filter((name) => existsSync(fileOf(name)));
  return Object.fromEntries(found.map((name) => [name, JSON.parse(readFileSync(fileOf(name), "utf8"))]));
}
