/** A small valid configuration, for tests to change. */
export function runbookConfig() {
  return {
    server: { host: "timescale_db", admin: { host: "127.0.0.1" } },
    databases: {
      tracksolid_db: {
        schemas: ["tracksolid", "reporting"],
        owner: "tracksolid_owner",
        keepOwner: { "reporting.v_trips": "reporting_refresher" },
        alsoOwn: ["public.schema_migrations"],
      },
      fleet_platform: { schemas: ["fleet"] },
    },
    roles: {
      tracksolid_owner: { connectionLimit: 30, access: { tracksolid_db: "owner" } },
      dashboard_app: { connectionLimit: 8, access: { tracksolid_db: "reader" } },
      gateway_app: { connectionLimit: 15, access: { fleet_platform: "writer" } },
    },
    existingRoles: { reporting_refresher: { connectionLimit: 3 } },
    services: {
      dashboard_api: { database: "tracksolid_db", role: "dashboard_app", migrates: false },
      worker: { database: "tracksolid_db", role: "tracksolid_owner", migrates: true },
      gateway: { database: "fleet_platform", role: "gateway_app" },
    },
  };
}

type Changeable = Record<string, unknown>;

/** The configuration with one value set (`roles.dashboard_app.connectionLimit`), or removed with undefined. */
export function changed(path: string, value: unknown): Changeable {
  const config: Changeable = runbookConfig();
  const segments = path.split(".");
  const last = segments.pop() as string;
  let at = config;
  for (const segment of segments) {
    at[segment] ??= {};
    at = at[segment] as Changeable;
  }
  if (value === undefined) delete at[last];
  else at[last] = value;
  return config;
}
