import { z } from "zod";
import { sslModes } from "../model/stack.ts";

/** The address and login of the server; Pulumi passes every value as text. */
export const configuration = {
  host: z.string().describe("Host name or address of the server."),
  port: z.coerce.number<string>().int().min(1).max(65535).describe("TCP port of the server."),
  user: z.string().describe("The admin role that the plugin logs in as."),
  password: z.string().default("").describe("Password of the admin role. Default: none."),
  database: z.string().describe("Database that the plugin connects to first."),
  sslmode: z.enum(sslModes).describe("TLS mode of the connection, as in libpq."),
  sslrootcert: z
    .string()
    .optional()
    .describe(
      "PEM file with the certificate of the certificate authority. Default: PGSSLROOTCERT; if sslmode verifies, else ~/.postgresql/root.crt.",
    ),
};

/** Keys of the configuration that are secret. */
export const secretConfiguration = ["password"];
