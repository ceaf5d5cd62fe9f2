import { appendFileSync } from "node:fs";

/** Adds this process's CPU time so far to the file that `app-roles timing` names (`timing` in model/switches.ts), if it runs. */
export function recordStart() {
  const file = process.env.APP_ROLES_TIMING;
  if (!file) return;
  const { user, system } = process.cpuUsage();
  appendFileSync(file, `${JSON.stringify({ pid: process.pid, seconds: (user + system) / 1e6 })}\n`);
}
