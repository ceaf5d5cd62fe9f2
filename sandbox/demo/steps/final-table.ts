import type { Demo } from "../demo.ts";

export const title = "Where the server stands now";

export async function run(demo: Demo): Promise<void> {
  const { terminal } = demo;
  const rows = await demo.ask<{ role: string; superuser: boolean; sessions: number; limit: number; services: string }>(
    `SELECT rolname AS role, rolsuper AS superuser, rolconnlimit AS limit,
       (SELECT count(*)::int FROM pg_stat_activity WHERE usesysid = r.oid AND backend_type = 'client backend') AS sessions,
       coalesce((SELECT string_agg(DISTINCT application_name, ', ') FROM pg_stat_activity
                 WHERE usesysid = r.oid AND backend_type = 'client backend'), '') AS services
     FROM pg_roles r WHERE rolcanlogin ORDER BY rolsuper, rolconnlimit DESC, rolname`,
  );
  terminal.table(
    ["role", "sessions", "limit", "used by"],
    rows.map(({ role, sessions, limit, services }) => [role, sessions, limit < 0 ? "none (admin)" : limit, services]),
  );
  const ordinary = rows.filter(({ superuser }) => !superuser);
  const superusers = rows.filter(({ superuser }) => superuser);
  const bounded = ordinary.reduce((sum, { limit }) => sum + limit, 0);
  terminal.claim(
    superusers.length === 1 &&
      superusers.every(({ sessions, services }) => sessions === 1 && services === "demo admin"),
    "no service is the superuser any more: its one session is this demo's admin",
    superusers,
  );
  terminal.claim(
    ordinary.every(({ sessions, limit }) => limit > 0 && sessions <= limit),
    "every other login has a limit, and none is over it",
    ordinary,
  );
  terminal.claim(
    bounded === 86,
    `all limits together are ${bounded}: whatever the services do, 14 slots stay free for admins`,
    bounded,
  );
  const urls = [...demo.deployed.values(), demo.legacyUrl("postgres")];
  const passwords = urls.map((url) => new URL(url).password);
  terminal.claim(
    passwords.length === 7 && passwords.every((password) => !terminal.printed.includes(password)),
    "no password was printed on the way",
  );
}
