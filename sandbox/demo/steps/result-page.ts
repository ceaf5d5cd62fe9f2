import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { definitions } from "../../legacy/services/definitions.ts";
import type { Demo, Step } from "../demo.ts";

export const resultPage: Step<Demo> = {
  title: "Write the result as one HTML page",
  async run(demo) {
    const { terminal, stack } = demo;
    terminal.say(
      "The runbook ends with an audit. report shows it to people: connections, roles, owners, services, and what is left to do.",
    );
    // The folder is kept for the reader.
    const file = join(await mkdtemp(join(tmpdir(), "app-roles-demo-")), "report.html");
    await demo.leave();
    const { code, output } = await stack.appRoles(["report", "--watch", "3s", "--out", file]);
    terminal.claim(code === 0, "the report was written", output);
    const page = await readFile(file, "utf8");
    const missing = Object.keys(definitions).filter((name) => !page.includes(`<th scope="row">${name}</th>`));
    terminal.claim(missing.length === 0, "it shows all six services", missing);
    const passwords = [...demo.deployed.values(), demo.legacyUrl("postgres")].map((url) => new URL(url).password);
    terminal.claim(
      passwords.every((password) => !page.includes(password)),
      "it contains no password",
    );
    demo.report = file;
  },
};
