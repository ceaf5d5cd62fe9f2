import { Option } from "commander";
import { auditOptions } from "../audit/options.ts";
import { command, cwdOption, file, stackOption } from "../terminal/command.ts";
import type { ReportOptions } from "./report.ts";

export const reportCommand = auditOptions(
  command("report", {
    summary: "writes connections, roles, owners, services and findings of an audit as one HTML page",
    description: `The page shows the budget, the sessions of each role over the watch, the owners per schema before the first up and now, the
services with how to roll them back, and the findings of app-roles audit. It loads nothing, holds no secret, and prints on two pages.
Changes nothing on the server. A file that is not a report is not overwritten. Exit codes: 0 the page was written, whatever it says;
1 the file cannot be written; 2 the server could not be read, and a previous page stays as it is.`,
    example: "app-roles report --watch 1m --out report.html",
  }),
)
  .addOption(
    new Option("--out <FILE>", "the file to write").argParser(file).default(file("report.html"), "report.html"),
  )
  .option("--force", "overwrite a file that is not a report")
  .option("--quiet", "print nothing")
  .addOption(stackOption())
  .addOption(cwdOption())
  .action(async (url: string | undefined, options: Omit<ReportOptions, "url">) => {
    const { report } = await import("./report.ts");
    process.exitCode = await report({ ...options, url });
  });
