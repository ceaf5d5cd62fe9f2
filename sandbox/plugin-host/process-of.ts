import { closeSync, openSync, readFileSync, readlinkSync } from "node:fs";
import type { Inherited } from "../language-nodejs/run.ts";
import type { Surroundings } from "./surroundings.ts";

/** The environment of a running process of this user. Linux only. */
function environmentOf(pid: number): NodeJS.ProcessEnv {
  const assignments = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").filter(Boolean);
  return Object.fromEntries(
    assignments.map((assignment) => {
      const at = assignment.indexOf("=");
      return [assignment.slice(0, at), assignment.slice(at + 1)];
    }),
  );
}

/** The environment and working directory of a running process of this user. Linux only. */
export function surroundingsOf(pid: number): Surroundings {
  return { cwd: readlinkSync(`/proc/${pid}/cwd`), env: environmentOf(pid) };
}

/** What the children of a running plugin.sh inherit. `close` closes the opened output. Linux only. */
export function inheritedFrom(pid: number): { inherited: Inherited; close: () => void } {
  const [stdout, stderr] = [4, 5].map((fd) => openSync(`/proc/${pid}/fd/${fd}`, "a")) as [number, number];
  return {
    inherited: { ...surroundingsOf(pid), stdout, stderr },
    close: () => {
      for (const fd of [stdout, stderr]) closeSync(fd);
    },
  };
}
