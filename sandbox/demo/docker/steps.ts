import { definitions, type ServiceName } from "../../legacy/services/definitions.ts";
import { type Step, until } from "../demo.ts";
import { resultPage } from "../steps/result-page.ts";
import { type DockerDemo, runtimes } from "./docker-demo.ts";

const sixContainers: Step<DockerDemo> = {
  title: "Six services run in containers as the superuser, and pulumi up creates the roles",
  async run(demo) {
    const { terminal, stack, names } = demo;
    terminal.say(
      "Compose runs three services. Each has its URL in an env file. The stack runs the other three: two containers, and one swarm service with its URL in a Docker secret. These also start as the superuser.",
    );
    await demo.startCompose();
    const { code } = await stack.pulumi(
      ["up", "--yes", "--skip-preview", "--policy-pack", "policies"],
      ["Diagnostics", "Resources"],
    );
    terminal.claim(code === 0, "the up succeeded", `exit code ${code}`);
    for (const name of names) {
      const logins = await until(async () => {
        const found = await demo.loginsOf(name);
        return demo.isUp(name) && found.length === stack.pool(name) ? found : undefined;
      });
      terminal.claim(
        logins?.every((login) => login === "postgres") === true,
        `${name} runs, and all its ${stack.pool(name)} sessions log in as the superuser`,
        await demo.loginsOf(name),
      );
      demo.startClient(name);
    }
    // The services' migrations have altered objects as the superuser since the first up.
    await stack.up();
    terminal.table(
      ["service", "runtime", "database", "role"],
      names.map((name) => [name, runtimes[name], definitions[name].database, stack.role(name)]),
    );
    const served = await until(() =>
      [...demo.clients.values()].every((client) => client.served > 0) ? true : undefined,
    );
    terminal.claim(served === true, "each service serves a client, which keeps sending requests until the demo ends");
  },
};

const cutovers: Step<DockerDemo> = {
  title: "Cut over the reader and the three services that run migrations with npx app-roles cutover",
  async run(demo) {
    demo.terminal.say(
      "One command for each service runs pulumi up, tests a login as the role, redeploys the service, and watches its sessions, containers and log: the gate.",
    );
    for (const name of ["dashboard_api", "ingest_worker", "worker", "webhook_receiver"] as const) {
      await cutOver(demo, name);
    }
  },
};

const missingGrant: Step<DockerDemo> = {
  title: "gateway lacks a privilege: it writes, but its role has the access level reader",
  async run(demo) {
    const { terminal, stack } = demo;
    const before = demo.failedElsewhere("gateway");
    const { code, output } = await stack.appRoles(["cutover", "gateway"]);
    terminal.claim(code === 1, "the cutover fails with exit code 1", code);
    terminal.claim(
      /gateway was rolled back to its legacy URL.*permission denied for (table|view) /s.test(output),
      "app-roles rolled gateway back automatically, and shows the error from its log",
      output,
    );
    await claimServed(demo, "gateway", "postgres");
    const failed = demo.failedElsewhere("gateway") - before;
    terminal.claim(failed === 0, "no request to another service failed meanwhile", failed);
  },
};

const theLast: Step<DockerDemo> = {
  title: "Cut over cron: it does not have to wait for gateway",
  run: (demo) => cutOver(demo, "cron"),
};

const finalTable: Step<DockerDemo> = {
  title: "The requests of all clients",
  async run(demo) {
    const { terminal, stack, names } = demo;
    const logins = new Map<string, string>();
    for (const name of names) logins.set(name, [...new Set(await demo.loginsOf(name))].join(", "));
    terminal.table(
      ["service", "runtime", "logs in as", "requests served", "failed", "longest pause (s)"],
      names.map((name) => {
        const { served, failed, longestGap } = demo.client(name);
        return [name, runtimes[name], logins.get(name) ?? "", served, failed, Math.round(longestGap / 100) / 10];
      }),
    );
    terminal.say("A plain container is down until its replacement has started. A swarm starts the replacement first.");
    const { failed } = demo.client("dashboard_api");
    terminal.claim(failed === 0, "no request to the swarm service failed", failed);
    const moved = names.filter((name) => logins.get(name) === stack.role(name));
    terminal.claim(
      moved.length === 5 && logins.get("gateway") === "postgres",
      "five services log in as their roles, and gateway still runs as the superuser",
      Object.fromEntries(logins),
    );
    const urls = await stack.databaseUrls();
    const passwords = [...new Set(Object.values(urls).map((url) => new URL(url).password))];
    terminal.claim(
      // Two roles in tracksolid_db, one in fleet_platform, and the superuser.
      passwords.length === 4 && passwords.every((password) => !terminal.printed.includes(password)),
      "the demo printed no password",
      passwords.length,
    );
  },
};

/** The steps of the demo with containers, in order. */
export const steps = [sixContainers, cutovers, missingGrant, theLast, finalTable, resultPage];

/** Cuts a service over with `app-roles cutover`. Checks that it serves as its role and that no other service is affected. */
async function cutOver(demo: DockerDemo, name: ServiceName): Promise<void> {
  const { terminal, stack } = demo;
  const before = demo.failedElsewhere(name);
  const { code } = await stack.appRoles(["cutover", name]);
  terminal.claim(code === 0, `${name} passed its gate`, `exit code ${code}`);
  await claimServed(demo, name, stack.role(name));
  const failed = demo.failedElsewhere(name) - before;
  terminal.claim(failed === 0, "no request to another service failed meanwhile", failed);
}

/** Waits for the previous containers' sessions to end, then checks that all sessions use the login and the client is served. */
async function claimServed(demo: DockerDemo, name: ServiceName, login: string): Promise<void> {
  const { terminal, stack } = demo;
  const client = demo.client(name);
  const served = client.served;
  const moved = await until(async () => {
    const logins = await demo.loginsOf(name);
    const isMoved = logins.length === stack.pool(name) && logins.every((each) => each === login);
    return isMoved && client.served > served ? logins : undefined;
  });
  const text = `it serves requests, and all its ${stack.pool(name)} sessions log in as ${login}`;
  terminal.claim(moved !== undefined, text, await demo.loginsOf(name));
}
