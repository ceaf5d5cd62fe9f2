import { loginsOf } from "../../sessions.ts";
import type { DockerDemo } from "../docker-demo.ts";
import { runtimes } from "../runtimes.ts";

export const title = "What the clients noticed";

export async function run(demo: DockerDemo): Promise<void> {
  const { terminal, stack, names } = demo;
  const logins = new Map<string, string>();
  for (const name of names) logins.set(name, [...new Set(await loginsOf(demo, name))].join(", "));
  terminal.table(
    ["service", "run by", "logs in as", "requests served", "failed", "longest pause (s)"],
    names.map((name) => {
      const { served, failed, longestGap } = demo.client(name);
      return [name, runtimes[name], logins.get(name) ?? "", served, failed, Math.round(longestGap / 100) / 10];
    }),
  );
  terminal.say(
    "A container that is replaced is gone for as long as its successor needs to start; a swarm starts the successor first.",
  );
  const { failed } = demo.client("dashboard_api");
  terminal.claim(failed === 0, "the swarm's service has failed no request", failed);
  const moved = names.filter((name) => logins.get(name) === stack.role(name));
  terminal.claim(
    moved.length === 5 && logins.get("gateway") === "postgres",
    "five services are on their roles, and gateway runs on as the superuser",
    Object.fromEntries(logins),
  );
  const urls = await stack.databaseUrls();
  const passwords = [...new Set(Object.values(urls).map((url) => new URL(url).password))];
  terminal.claim(
    // Two of tracksolid_db's and one of fleet_platform's roles, and the superuser's.
    passwords.length === 4 && passwords.every((password) => !terminal.printed.includes(password)),
    "no password was printed on the way",
    passwords.length,
  );
}
