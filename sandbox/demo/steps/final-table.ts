import type { Demo, Step } from "../demo.ts";

export const finalTable: Step<Demo> = {
  title: "The server after the migration",
  async run(demo) {
    const { terminal } = demo;
    const rows = await demo.ask<{
      role: string;
      superuser: boolean;
      sessions: number;
      limit: number;
      services: string;
    }>(
      `SELECT rolname AS role, rolsuper AS superuser, rolconnlimit AS limit,
       (SELECT count(*)::int FROM pg_stat_activity WHERE usesysid = r.oid AND backend_type = 'client backend') AS sessions,
       coalesce((SELECT string_agg(DISTINCT application_name, ', ') FROM pg_stat_activity
                 WHERE usesysid = r.oid AND backend_type = 'client backend'), '') AS services
     FROM pg_roles r WHERE rolcanlogin ORDER BY rolsuper, rolconnlimit DESC, rolname`,
    );
    terminal.table(
      ["role", "sessions", "limit", "used by"],
      rows.map(({ role, sessions, limit, services }) => [
        role,
        sessions,
        limit < 0 ? "none (superuser)" : limit,
        services,
      ]),
    );
    const others = rows.filter(({ superuser }) => !superuser);
    const superusers = rows.filter(({ superuser }) => superuser);
    const bounded = others.reduce((sum, { limit }) => sum + limit, 0);
    terminal.claim(
      superusers.length === 1 &&
        superusers.every(({ sessions, services }) => sessions === 1 && services === "demo admin"),
      "no service logs in as the superuser: its only session is this demo's admin session",
      superusers,
    );
    terminal.claim(
      others.every(({ sessions, limit }) => limit > 0 && sessions <= limit),
      "every other login has a connection limit, and none exceeds it",
      others,
    );
    terminal.claim(
      bounded === 86,
      `the sum of all limits is ${bounded}, so 14 of 100 connection slots always remain for admins`,
      bounded,
    );
    const urls = [...demo.deployed.values(), demo.legacyUrl("postgres")];
    const passwords = urls.map((url) => new URL(url).password);
    terminal.claim(
      passwords.length === 7 && passwords.every((password) => !terminal.printed.includes(password)),
      "the demo printed no password",
    );
  },
};
