import type { Admin, Server } from "./stack.ts";

/** A server's address as written, without defaults. */
export interface ServerAddress {
  host: string;
  port?: number | undefined;
  sslrootcert?: string | undefined;
  admin?: { [K in keyof Admin]?: Admin[K] | undefined } | undefined;
}

export function completeServer({ host, port = 5432, sslrootcert, admin = {} }: ServerAddress): Server {
  const adminHost = admin.host ?? host;
  return {
    host,
    port,
    sslrootcert,
    admin: {
      host: adminHost,
      container: admin.container,
      port: admin.port ?? port,
      user: admin.user ?? "postgres",
      database: admin.database ?? "postgres",
      sslmode: admin.sslmode ?? (admin.container !== undefined || isThisMachine(adminHost) ? "disable" : "require"),
      sslrootcert,
      superuser: admin.superuser ?? true,
    },
  };
}

function isThisMachine(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d+){3}$/.test(host) || host.startsWith("/");
}
