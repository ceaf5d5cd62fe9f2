import type { Demo } from "../demo.ts";

export const title = "pulumi preview: the change review, with the policy pack";

export async function run(demo: Demo): Promise<void> {
  const { terminal, stack } = demo;
  const before = await picture(demo);
  const { code, output } = await stack.pulumi(
    ["preview", "--policy-pack", "policies"],
    ["Policies", "Diagnostics", "Resources"],
  );
  terminal.claim(code === 0, "the preview and every mandatory policy pass", `exit code ${code}`);
  terminal.claim(/\b86 of 95\b/.test(output), "the budget is on it: 86 of 95 connections");
  terminal.claim((await picture(demo)) === before, "a preview changes nothing on the server");
}

/** The roles, their settings, and the owner and grants of everything in tracksolid_db, as one line. */
async function picture(demo: Demo): Promise<string> {
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
