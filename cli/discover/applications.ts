/** What a session's application_name says about who opened it. */
export type Kind = "service" | "person" | "tool" | "app-roles";

/** Clients that people use, by the beginning of their application_name. */
const people =
  /^(psql|pgcli|pgadmin|dbeaver|datagrip|intellij|jetbrains|tableplus|navicat|heidisql|postico|beekeeper|azure data studio|sqltools|dbvisualizer|adminer|pspg|usql)\b/i;

/** Sessions of this program, also of other commands. */
const ours = /^app-roles\b/i;

/** Backups, monitoring, pooling, benchmarks and administration. */
const tools =
  /^(pg_amcheck|pg_isready|pgbench|pgloader|pg_activity|createdb|dropdb|createuser|dropuser|clusterdb|pg_dump|pg_dumpall|pg_restore|pg_basebackup|pg_receivewal|pg_recvlogical|pg_rewind|pgbackrest|barman|wal-g|wal-e|patroni|repmgrd?|pg_auto_failover|vacuumdb|reindexdb|pg_repack|postgres_exporter|pgwatch|pganalyze|datadog|telegraf|check_postgres|zabbix|pg_cron|pulumi|terraform)/i;

export function kindOf(application: string): Kind {
  if (ours.test(application)) return "app-roles";
  if (people.test(application)) return "person";
  return tools.test(application) ? "tool" : "service";
}

/** Names that a driver sets by itself, which do not tell one service from another. */
const drivers =
  /^(|postgresql jdbc driver|pgx|npgsql|node-?postgres|psycopg2?|asyncpg|sqlalchemy|hikari(pool.*)?|r2dbc-postgresql|ruby|python3?|php|java|dotnet|sqlx|postgrex|prisma)$/i;

/** Whether the name tells one service from another. */
export function isTelling(application: string): boolean {
  return !drivers.test(application.trim());
}

/**
 * The part of an application_name that replicas and workers of one service share: without process numbers, counters
 * (`sidekiq 7 app [3 of 10 busy]`), the suffix of a Kubernetes pod and the address that PgBouncer appends.
 *
 * @example familyOf("puma: cluster worker 3: 7 [shop]") === "puma: cluster worker : [shop]"
 */
export function familyOf(application: string): string {
  return application
    .replace(/ - (?:[\d.]+|\[?[\da-f:]+\]?):\d+$/i, "")
    .replace(/\s*\[[^\]]*busy\]/g, "")
    .replace(/-[a-f0-9]{8,10}-[a-z0-9]{5}$/, "")
    .replace(/(^|[\s:#@([/_-])\d+(?=$|[\s:)\]/])/g, "$1")
    .replace(/\s+/g, " ")
    .replace(/[\s_-]+$/, "")
    .trim();
}

/** A name for a service from any text; undefined if nothing of it can be used. */
export function slugOf(text: string): string | undefined {
  const slug = text
    .normalize("NFKD")
    .replace(/[^A-Za-z0-9_.-]+/g, "_")
    .replace(/^[_.-]+|[_.-]+$/g, "")
    .slice(0, 50);
  return slug === "" ? undefined : slug;
}
