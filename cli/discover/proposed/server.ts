import type { Decide, Findings, ProposedConfig } from "./config.ts";

export function serverOf({ address, server, serverContainer }: Findings, decide: Decide): ProposedConfig["server"] {
  const host = serverContainer ?? address.host;
  decide(
    ["server", "host"],
    serverContainer === undefined
      ? "What the services connect to, as in their DATABASE_URL; this is the address that discover used."
      : "What the services connect to, as in their DATABASE_URL; this is the name of the server's container.",
  );
  const user = server.isSuperuser ? server.user : server.admin;
  if (!server.isSuperuser) {
    decide(
      ["server", "admin", "user"],
      `discover logged in as ${server.user}, which cannot create roles. Name the admin.`,
    );
  }
  const { host: adminHost, port, database, sslmode, sslrootcert } = address;
  return {
    host,
    port,
    ...(sslrootcert !== undefined && sslmode !== "disable" && { sslrootcert }),
    admin: { host: adminHost, port, user, database, sslmode },
  };
}

export function existingRolesOf(
  { server, who }: Findings,
  ownRoles: ReadonlySet<string>,
  decide: Decide,
): ProposedConfig["existingRoles"] {
  return Object.fromEntries(
    server.roles
      .filter(({ role, superuser }) => !superuser && !ownRoles.has(role))
      .map(({ role, limit, sessions }) => {
        if (limit >= 0) return [role, { connectionLimit: Math.max(1, limit) }];
        const seen = Math.max(who.existing.get(role) ?? 0, sessions);
        decide(
          ["existingRoles", role],
          `Unlimited today${seen > 0 ? `, at most ${seen} sessions seen` : ""}: enforce sets this limit.`,
        );
        return [role, { connectionLimit: Math.max(3, seen + 1), enforce: true as const }];
      }),
  );
}
