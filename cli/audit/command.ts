import { Option } from "commander";
import { command, cwdOption, file, stackOption } from "../terminal/command.ts";
import type { AuditOptions } from "./audit.ts";
import { auditOptions } from "./options.ts";

export const auditCommand = auditOptions(
  command("audit", {
    summary: "compares the live server with what is declared and safe, and prints how to fix each finding",
    description: `Checks sessions against limits, superuser sessions of services, undeclared and unlimited login roles, manual changes,
readers that can write, privileges of PUBLIC, passwords and pg_hba.conf. Changes nothing, over one connection. The server is that of
the stack; URL, or PGHOST, PGUSER, PGPASSWORD and PGDATABASE outside a project, name another one. docs/audit.md explains each check.
Exit codes: 0 no findings; 1 findings; 2 no findings, but something could not be checked.`,
    example: `app-roles audit --stack prod
  app-roles audit --watch 10m --verbose
  app-roles audit --metrics --out /var/lib/node_exporter/app_roles.prom`,
  }),
)
  .addOption(new Option("--json", "print a JSON document").conflicts("metrics"))
  .option("--metrics", "print Prometheus metrics for node_exporter's textfile collector")
  .option("--out <FILE>", "write the document or the metrics to a file, atomically", file)
  .option("--verbose", "print every object, the ids, and recommendations of the CIS benchmark")
  .option("--quiet", "print only the verdict, and no progress")
  .addOption(stackOption())
  .addOption(cwdOption())
  .action(async (url: string | undefined, options: Omit<AuditOptions, "url">) => {
    const { audit } = await import("./audit.ts");
    process.exitCode = await audit({ ...options, url });
  });
