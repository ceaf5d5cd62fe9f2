import { fileURLToPath } from "node:url";
import { definitions, type ServiceName } from "../../legacy/services/definitions.ts";
import { run } from "../../process.ts";
import type { Demo, Step } from "../demo.ts";

const appRoles = fileURLToPath(new URL("../../../bin/app-roles.js", import.meta.url));

export const discovery: Step<Demo> = {
  title: "Discover who uses the server, without changing anything",
  async run(demo) {
    const { terminal } = demo;
    terminal.say(
      "A newcomer starts with a mess, not with a configuration. discover watches the sessions and reads the catalog, over one connection:",
    );
    terminal.command("app-roles discover postgresql://postgres@timescale_db/postgres --watch 5s");
    await demo.leave();
    // The password is in the environment: command lines are visible to every user.
    const url = new URL(demo.legacyUrl("postgres"));
    const { password } = url;
    url.password = "";
    const { code, stdout, stderr } = await run(process.execPath, [appRoles, "discover", url.href, "--watch", "5s"], {
      env: { ...process.env, PGPASSWORD: password },
    });
    const [report = ""] = stdout.split("\n\nDecide\n");
    terminal.quote(report);
    terminal.claim(code === 0, "the discovery succeeded", stdout + stderr);
    const names = Object.keys(definitions) as ServiceName[];
    const found = names.filter((name) => new RegExp(`^ +${name} +\\d+ .* postgres +`, "m").test(report));
    terminal.claim(found.length === 6, "it found the six services, which all log in as the superuser", found);
    terminal.say(
      "With --write it makes a complete stack file of this. The demo goes on with the one that the runbook's authors decided on: Pulumi.prod.yaml.",
    );
  },
};
