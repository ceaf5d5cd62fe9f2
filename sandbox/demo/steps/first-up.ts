import type { Demo } from "../demo.ts";
import { servicesPids, stackPids } from "../sessions.ts";
import { watching } from "../watch.ts";

export const title = "pulumi up, while all six services run";

export async function run(demo: Demo): Promise<void> {
  const { terminal, stack } = demo;
  const before = await servicesPids(demo);
  let most = 0;
  let last: number[] = [];
  const counting = setInterval(async () => {
    const now = await stackPids(demo);
    // One that was given up is there until the server has ended it: held are those of two looks.
    most = Math.max(most, now.filter((pid) => last.includes(pid)).length);
    last = now;
  }, 50);
  const { result, watched } = await watching(demo.services.values(), () =>
    stack.pulumi(["up", "--yes", "--skip-preview", "--policy-pack", "policies"], ["Diagnostics", "Resources"]),
  ).finally(() => clearInterval(counting));
  terminal.claim(result.code === 0, "the up is done", `exit code ${result.code}`);

  const roles = await demo.ask<{ rolname: string; rolconnlimit: number; rolsuper: boolean }>(
    "SELECT rolname, rolconnlimit, rolsuper FROM pg_roles WHERE rolname = ANY($1) ORDER BY rolconnlimit DESC",
    [stack.roles],
  );
  terminal.claim(
    roles.length === 4 && roles.every((role) => !role.rolsuper && role.rolconnlimit === stack.limit(role.rolname)),
    `four NOSUPERUSER roles with a hard limit: ${roles.map((role) => `${role.rolname} ${role.rolconnlimit}`).join(", ")}`,
    roles,
  );

  terminal.table(
    ["meanwhile", "requests served", "slowest (ms)", "failed or refused"],
    watched.map(({ name, served, slowest, troubles }) => [name, served, slowest, troubles.length]),
  );
  terminal.claim(
    watched.every(({ served, troubles }) => served > 0 && troubles.length === 0),
    "every service served all through it, and no request failed",
    watched.flatMap(({ troubles }) => troubles),
  );
  const after = await servicesPids(demo);
  terminal.claim(
    after.join() === before.join(),
    `their ${before.length} sessions are the same as before`,
    after.length,
  );
  terminal.claim(most > 0 && most <= 2, `the stack held at most ${most} connections itself`, most);
}
