import { definitions } from "../../../legacy/services/definitions.ts";
import { loginsOf } from "../../sessions.ts";
import { until } from "../../until.ts";
import type { DockerDemo } from "../docker-demo.ts";
import { runtimes } from "../runtimes.ts";

export const title = "Six services in containers, all of them the superuser; pulumi up makes the roles";

export async function run(demo: DockerDemo): Promise<void> {
  const { terminal, stack, names } = demo;
  terminal.say(
    "Compose runs three of them, each with its URL in an env file. The stack makes the other three, as containers and as a swarm's service with its URL in a Docker secret; they begin as the superuser too.",
  );
  await demo.startCompose();
  const { code } = await stack.pulumi(
    ["up", "--yes", "--skip-preview", "--policy-pack", "policies"],
    ["Diagnostics", "Resources"],
  );
  terminal.claim(code === 0, "the up is done", `exit code ${code}`);
  for (const name of names) {
    const logins = await until(async () => {
      const found = await loginsOf(demo, name);
      return demo.isUp(name) && found.length === stack.pool(name) ? found : undefined;
    });
    terminal.claim(
      logins?.every((login) => login === "postgres") === true,
      `${name} runs, and its ${stack.pool(name)} sessions are the superuser's`,
      await loginsOf(demo, name),
    );
    demo.startClient(name);
  }
  // The migrators have altered objects as the superuser meanwhile.
  await stack.up();
  terminal.table(
    ["service", "run by", "database", "will be"],
    names.map((name) => [name, runtimes[name], definitions[name].database, stack.role(name)]),
  );
  const served = await until(() =>
    [...demo.clients.values()].every((client) => client.served > 0) ? true : undefined,
  );
  terminal.claim(served === true, "a client of each is served, and goes on asking all the time");
}
