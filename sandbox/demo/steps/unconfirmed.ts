import { definitions } from "../../legacy/services/definitions.ts";
import { cutOver } from "../cut-over.ts";
import type { Demo } from "../demo.ts";
import { login } from "../demo.ts";

export const title = "gateway and cron: nobody knows whether they migrate, until somebody looks";

const names = ["gateway", "cron"] as const;

export async function run(demo: Demo): Promise<void> {
  const { terminal, stack } = demo;
  await stack.set({ "services.gateway.connectAs": "role" });
  const refused = await stack.pulumi(["up", "--yes", "--skip-preview"], ["Diagnostics"]);
  terminal.claim(
    refused.code !== 0 && refused.output.includes("app-roles:services.gateway.connectAs"),
    "an unconfirmed service is not cut over: the up is refused before anything is done",
    refused.output,
  );
  await stack.set({ "services.gateway.connectAs": "legacy" });

  terminal.say(
    "So look, as the runbook says: redeploy both, count what they write, and see whether a start changes the schema.",
  );
  const fleet = await login(demo.legacyUrl("fleet_platform"), "demo admin");
  try {
    const before = await definition(fleet);
    for (const name of names) {
      await demo.service(name).restart({ url: demo.legacyUrl(definitions[name].database), pool: stack.pool(name) });
    }
    const writes =
      "SELECT schemaname, sum(n_tup_ins+n_tup_upd+n_tup_del)::int FROM pg_stat_user_tables GROUP BY 1 ORDER BY 1";
    terminal.command(`psql -d fleet_platform -c "${writes}"`);
    const { rows } = await fleet.query<{ schemaname: string; sum: number }>(writes);
    terminal.table(
      ["schemaname", "writes"],
      rows.map(({ schemaname, sum }) => [schemaname, sum]),
    );
    terminal.claim(rows.length === 2 && rows.every(({ sum }) => sum > 0), "both write state in fleet and jobs", rows);
    terminal.claim(
      (await definition(fleet)) === before,
      "neither created, altered or dropped anything: they do not migrate",
    );
  } finally {
    await fleet.end();
  }
  for (const name of names) {
    await stack.set({ [`services.${name}.migrates`]: "false" });
    await cutOver(demo, name, "role");
  }
}

/** Every relation, column, routine, type and constraint of the database with the transaction that last changed it, as one line. */
async function definition(db: { query(sql: string): Promise<{ rows: { md5: string }[] }> }): Promise<string> {
  const catalogs = ["pg_class", "pg_attribute", "pg_proc", "pg_type", "pg_constraint", "pg_namespace"];
  const { rows } = await db.query(
    `SELECT md5(string_agg(line, ' ' ORDER BY line)) FROM (${catalogs
      .map((catalog) => `SELECT '${catalog} ' || ctid || ' ' || xmin FROM ${catalog}`)
      .join(" UNION ALL ")}) AS catalog(line)`,
  );
  return rows[0]?.md5 ?? "";
}
