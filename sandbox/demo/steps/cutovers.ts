import { definitions, type ServiceName } from "../../legacy/services/definitions.ts";
import { type Demo, login, type Step, until } from "../demo.ts";
import { watching } from "../watch.ts";

export const reader: Step<Demo> = {
  title: "Cut over dashboard_api first: it only reads, so it has the lowest risk",
  async run(demo) {
    demo.terminal.say(
      "One line of the configuration selects the login. The URL to deploy is a stack output, stored as a secret.",
    );
    await cutOver(demo, "dashboard_api", "role");
  },
};

export const migrators: Step<Demo> = {
  title: "Cut over the three services that run migrations, one at a time",
  async run(demo) {
    demo.terminal.say("They run DDL at every start, so they share the role that owns the objects: tracksolid_owner.");
    for (const name of ["ingest_worker", "worker", "webhook_receiver"] as const) await cutOver(demo, name, "role");
  },
};

export const rollback: Step<Demo> = {
  title: "Roll back dashboard_api to the superuser, then cut it over again",
  async run(demo) {
    await cutOver(demo, "dashboard_api", "legacy");
    demo.terminal.claim(
      demo.deployedUrl("dashboard_api") === demo.legacyUrl("tracksolid_db"),
      "its URL equals the legacy URL, byte for byte",
    );
    await cutOver(demo, "dashboard_api", "role");
  },
};

const unconfirmedNames = ["gateway", "cron"] as const;

export const unconfirmed: Step<Demo> = {
  title: "Confirm that gateway and cron run no migrations, then cut them over",
  async run(demo) {
    const { terminal, stack } = demo;
    await stack.set({ "services.gateway.connectAs": "role" });
    const refused = await stack.pulumi(["up", "--yes", "--skip-preview"], ["Diagnostics"]);
    terminal.claim(
      refused.code !== 0 && refused.output.includes("app-roles:services.gateway.connectAs"),
      "the up refuses to cut over an unconfirmed service, and changes nothing",
      refused.output,
    );
    await stack.set({ "services.gateway.connectAs": "legacy" });

    terminal.say(
      "The runbook says how to find out: redeploy both services, count their writes, and check whether a start changes the schema.",
    );
    const fleet = await login(demo.legacyUrl("fleet_platform"), "demo admin");
    try {
      const before = await schemaHash(fleet);
      for (const name of unconfirmedNames) {
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
      terminal.claim(
        rows.length === 2 && rows.every(({ sum }) => sum > 0),
        "the services write to the schemas fleet and jobs",
        rows,
      );
      terminal.claim(
        (await schemaHash(fleet)) === before,
        "neither service created, altered or dropped an object, so neither runs migrations",
      );
    } finally {
      await fleet.end();
    }
    for (const name of unconfirmedNames) {
      await stack.set({ [`services.${name}.migrates`]: "false" });
      await cutOver(demo, name, "role");
    }
  },
};

/** A hash that changes whenever a transaction changes a relation, column, routine, type, constraint or schema. */
async function schemaHash(db: { query(sql: string): Promise<{ rows: { md5: string }[] }> }): Promise<string> {
  const catalogs = ["pg_class", "pg_attribute", "pg_proc", "pg_type", "pg_constraint", "pg_namespace"];
  const { rows } = await db.query(
    `SELECT md5(string_agg(line, ' ' ORDER BY line)) FROM (${catalogs
      .map((catalog) => `SELECT '${catalog} ' || ctid || ' ' || xmin FROM ${catalog}`)
      .join(" UNION ALL ")}) AS catalog(line)`,
  );
  return rows[0]?.md5 ?? "";
}

/**
 * Cuts over or rolls back one service as a deploy does: sets `connectAs`, runs `pulumi up` and restarts the service with
 * the URL from the stack outputs. Checks the service's sessions and requests, and the requests of all other services.
 */
async function cutOver(demo: Demo, name: ServiceName, connectAs: "role" | "legacy"): Promise<void> {
  const { terminal, stack } = demo;
  const service = demo.service(name);
  const login = connectAs === "role" ? stack.role(name) : "postgres";
  const others = [...demo.services.values()].filter((other) => other !== service);

  const { watched } = await watching(others, async () => {
    await stack.set({ [`services.${name}.connectAs`]: connectAs });
    await stack.up();
    const { [name]: url } = await stack.databaseUrls();
    await service.restart({ url, pool: stack.pool(name) });
    demo.deployed.set(name, url);
  });

  const pool = stack.pool(name);
  const logins = await until(async () => {
    const found = await demo.loginsOf(name);
    return found.length === pool && found.every((each) => each === login) ? found : undefined;
  });
  terminal.claim(
    logins !== undefined,
    `${name} runs again, and all its ${pool} sessions log in as ${login}`,
    await demo.loginsOf(name),
  );
  if (definitions[name].migrates) {
    const [ledger] = await demo.ask<{ applied_by: string }>(
      "SELECT applied_by FROM tracksolid.schema_migrations ORDER BY applied_at DESC LIMIT 1",
    );
    terminal.claim(
      ledger?.applied_by === login,
      `it ran its migrations as ${login}: ALTER TABLE, CREATE OR REPLACE VIEW and an INSERT into schema_migrations`,
      ledger,
    );
  }
  const { served, failures } = service;
  const resumed = await until(() => (service.served > served + 1 ? service.served : undefined));
  terminal.claim(
    resumed !== undefined && service.failures === failures,
    'it serves requests, and its log contains no "permission denied"',
    service.log.slice(-3),
  );
  const troubles = watched.flatMap((other) => other.troubles);
  terminal.claim(troubles.length === 0, "the other services had no failed request and lost no session", troubles);
}
