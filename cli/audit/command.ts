import { InvalidArgumentError, Option } from "commander";
import { collect, command, cwdOption, stackOption, time } from "../terminal/command.ts";
import type { AuditOptions } from "./audit.ts";

export const auditCommand = command("audit", {
  summary: "compares the live server with what is declared and safe, and prints how to fix each finding",
  description: `Checks sessions against limits, superuser sessions of services, undeclared and unlimited login roles, manual changes,
readers that can write, privileges of PUBLIC, passwords and pg_hba.conf. Changes nothing, over one connection. The server is that of
the stack; URL, or PGHOST, PGUSER, PGPASSWORD and PGDATABASE outside a project, name another one. docs/audit.md explains each check.
Exit codes: 0 no findings; 1 findings; 2 no findings, but something could not be checked.`,
  example: `app-roles audit --stack prod
  app-roles audit --watch 10m --verbose
  app-roles audit --metrics --out /var/lib/node_exporter/app_roles.prom`,
})
  .argument("[URL]", "the server, such as postgresql://auditor@db.internal/postgres; default: that of the stack")
  .addOption(new Option("--json", "print a JSON document").conflicts("metrics"))
  .option("--metrics", "print Prometheus metrics for node_exporter's textfile collector")
  .option("--out <FILE>", "write the document or the metrics to a file, atomically")
  .addOption(
    new Option(
      "--watch [TIME]",
      "watch the sessions first, such as 10m, and use their peaks; without TIME until Ctrl-C",
    ).argParser(time),
  )
  .addOption(
    new Option("--unused-days <N>", "report login roles without a session for N days; requires --history").argParser(
      days,
    ),
  )
  .option("--history <FILE>", "record which roles had sessions; Postgres does not keep when a role last logged in")
  .addOption(new Option("--max-password-age <N>", "report generated passwords older than N days").argParser(days))
  .option("--require-expiry", "report passwords that never expire (VALID UNTIL)")
  .option("--ignore <ID>", "leave out a finding, or all of a check; can be repeated. --verbose prints ids", collect)
  .option("--verbose", "print every object, the ids, and recommendations of the CIS benchmark")
  .option("--quiet", "print only the verdict, and no progress")
  .addOption(stackOption())
  .addOption(cwdOption())
  .action(async (url: string | undefined, options: Omit<AuditOptions, "url">) => {
    const { audit } = await import("./audit.ts");
    process.exitCode = await audit({ ...options, url });
  });

function days(value: string): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError("Expected a number of days, from 1.");
  return number;
}
