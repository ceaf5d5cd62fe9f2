import { setTimeout as sleep } from "node:timers/promises";
import type { Demo, Step } from "../demo.ts";
import { watching } from "../watch.ts";

export const preview: Step<Demo> = {
  title: "Review the change with pulumi preview and the policy pack",
  async run(demo) {
    const { terminal, stack } = demo;
    const before = await catalogHash(demo);
    const { code, output } = await stack.pulumi(
      ["preview", "--policy-pack", "policies"],
      ["Policies", "Diagnostics", "Resources"],
    );
    terminal.claim(code === 0, "the preview succeeds, and every mandatory policy passes", `exit code ${code}`);
    terminal.claim(/\b86 of 95\b/.test(output), "the preview shows the connection budget: 86 of 95 connections");
    terminal.claim((await catalogHash(demo)) === before, "the preview changed nothing on the server");
  },
};

/** A hash of the roles, their settings, and the owners and privileges of all objects in tracksolid_db. */
async function catalogHash(demo: Demo): Promise<string> {
  const rows = await demo.ask<{ md5: string }>(
    `SELECT md5(string_agg(line, E'\\n' ORDER BY line)) FROM (
       SELECT to_jsonb(r)::text FROM pg_roles r
       UNION ALL SELECT to_jsonb(s)::text FROM pg_db_role_setting s
       UNION ALL SELECT concat_ws(' ', oid, relowner, relacl) FROM pg_class
       UNION ALL SELECT concat_ws(' ', oid, nspowner, nspacl) FROM pg_namespace
       UNION ALL SELECT concat_ws(' ', oid, proowner, proacl) FROM pg_proc
       UNION ALL SELECT concat_ws(' ', oid, datdba, datacl) FROM pg_database
       UNION ALL SELECT concat_ws(' ', oid, defaclacl) FROM pg_default_acl
     ) AS catalog(line)`,
  );
  return rows[0]?.md5 ?? "";
}

export const firstUp: Step<Demo> = {
  title: "Run pulumi up while all six services run",
  async run(demo) {
    const { terminal, stack } = demo;
    const before = await demo.pids("services");
    let most = 0;
    let last: number[] = [];
    let isCounting = true;
    const counting = (async () => {
      for (; isCounting; await sleep(50)) {
        const now = await demo.pids("stack");
        // The server shows a closed session until its backend exits, so only sessions seen twice in a row count.
        most = Math.max(most, now.filter((pid) => last.includes(pid)).length);
        last = now;
      }
    })();
    const { result, watched } = await watching(demo.services.values(), () =>
      stack.pulumi(["up", "--yes", "--skip-preview", "--policy-pack", "policies"], ["Diagnostics", "Resources"]),
    );
    isCounting = false;
    await counting;
    terminal.claim(result.code === 0, "the up succeeded", `exit code ${result.code}`);

    const roles = await demo.ask<{ rolname: string; rolconnlimit: number; rolsuper: boolean }>(
      "SELECT rolname, rolconnlimit, rolsuper FROM pg_roles WHERE rolname = ANY($1) ORDER BY rolconnlimit DESC",
      [stack.roles],
    );
    const limits = roles.map((role) => `${role.rolname} ${role.rolconnlimit}`).join(", ");
    terminal.claim(
      roles.length === 4 && roles.every((role) => !role.rolsuper && role.rolconnlimit === stack.limit(role.rolname)),
      `it created four NOSUPERUSER roles, each with a connection limit: ${limits}`,
      roles,
    );

    terminal.table(
      ["service", "requests served", "slowest (ms)", "failed or refused"],
      watched.map(({ name, served, slowest, troubles }) => [name, served, slowest, troubles.length]),
    );
    terminal.claim(
      watched.every(({ served, troubles }) => served > 0 && troubles.length === 0),
      "every service served requests during the up, and no request failed",
      watched.flatMap(({ troubles }) => troubles),
    );
    const after = await demo.pids("services");
    terminal.claim(after.join() === before.join(), `the services kept all ${before.length} sessions`, after.length);
    terminal.claim(most > 0 && most <= 2, `the stack used at most ${most} connections`, most);
  },
};
