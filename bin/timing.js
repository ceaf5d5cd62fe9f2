import { appendFileSync } from "node:fs";

/** Adds this process's CPU time since its start to the file of `app-roles timing`, if that runs. */
export function recordStart() {
  const file = process.env.APP_ROLES_TIMING;
  if (!file) return;
  const { user, system } = process.cpuUsage();
  appendFileSync(file, `${JSON.stringify({ pid: process.pid, seconds: (user + system) / 1e6 })}\n`);
}
