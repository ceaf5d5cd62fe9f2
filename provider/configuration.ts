import { z } from "zod";
import { sslModes } from "../model/stack.ts";

/** Where and as whom the plugin logs in; Pulumi hands every value over as text. */
export const configuration = {
  host: z.string(),
  port: z.coerce.number<string>().int().min(1).max(65535),
  user: z.string(),
  password: z.string().default(""),
  database: z.string(),
  sslmode: z.enum(sslModes).describe("TLS to the server, as libpq names it."),
  sslrootcert: z
    .string()
    .optional()
    .describe("File of the authority's certificate (PEM). Default: PGSSLROOTCERT, else ~/.postgresql/root.crt."),
};

/** The keys of the configuration that are secret. */
export const secretConfiguration = ["password"];
