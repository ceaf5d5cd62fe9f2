import { setMigrates, stackFile } from "../../config/stack-file.ts";
import { selectedStack } from "../pulumi/pulumi.ts";
import { UsageError } from "../terminal/command.ts";

export interface ConfirmOptions {
  service: string;
  migrates: "true" | "false";
  because: string;
  stack?: string;
}

export async function confirm({ service, migrates, because, stack }: ConfirmOptions): Promise<number> {
  if (because.trim() === "") throw new UsageError("--because needs the evidence");
  const name = stack ?? (await selectedStack());
  const date = new Date().toISOString().slice(0, 10);
  await setMigrates(name, service, migrates === "true", `confirmed ${date}: ${because.trim()}`);
  const next =
    migrates === "true"
      ? "The service logs in as the owner of its database after its cutover."
      : `Its cutover is possible: app-roles cutover ${service}`;
  console.log(
    `${service} ${migrates === "true" ? "runs" : "does not run"} migrations: recorded in ${stackFile(name)}. ${next}`,
  );
  return 0;
}
