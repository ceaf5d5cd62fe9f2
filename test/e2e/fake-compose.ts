import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { join } from "node:path";

/** A container of the fake Docker host. */
interface Container {
  id: string;
  service: string;
  env: string[];
  startedAt: string;
}

/**
 * The parts of docker-compose 1 and its Docker host that the runtime `compose` and the gate use: one project, one container for
 * each service, started and replaced within milliseconds. The test defines what a container does.
 */
export class FakeCompose {
  /** As `docker:host`. */
  readonly host: string;
  /** The folder to put first on the PATH. */
  readonly bin: string;
  /** Services whose log has a permission error. */
  broken: ReadonlySet<string> = new Set();
  readonly #server: Server;
  readonly #containers = new Map<string, Container>();
  readonly #onStart: (service: string, url: string) => void;

  private constructor(dir: string, socket: string, onStart: (service: string, url: string) => void) {
    this.#onStart = onStart;
    this.host = `unix://${socket}`;
    this.bin = join(dir, "fake-bin");
    mkdirSync(this.bin);
    writeFileSync(join(this.bin, "docker"), "#!/bin/sh\nexit 1\n");
    writeFileSync(join(this.bin, "docker-compose"), executable.replace("SOCKET", JSON.stringify(socket)));
    writeFileSync(join(this.bin, "package.json"), '{"type": "commonjs"}');
    for (const name of ["docker", "docker-compose"]) chmodSync(join(this.bin, name), 0o755);
    this.#server = createServer((request, response) => void this.#answer(request, response, dir));
  }

  /** @param onStart called for each started container, with its DATABASE_URL */
  static async create(dir: string, onStart: (service: string, url: string) => void): Promise<FakeCompose> {
    const socket = join(dir, "docker.sock");
    const compose = new FakeCompose(dir, socket, onStart);
    await new Promise<void>((resolve) => compose.#server.listen(socket, resolve));
    return compose;
  }

  /** The DATABASE_URL of a service's container. */
  url(service: string): string {
    const found = this.#containers.get(service)?.env.find((each) => each.startsWith("DATABASE_URL="));
    return found?.slice("DATABASE_URL=".length) ?? "";
  }

  /** The id of a service's container, which changes with each restart. */
  id(service: string): string | undefined {
    return this.#containers.get(service)?.id;
  }

  start(service: string, env: Record<string, string>): void {
    const lines = Object.entries(env).map(([key, value]) => `${key}=${value}`);
    const there = this.#containers.get(service);
    if (there && there.env.join("\n") === lines.join("\n")) return;
    const id = randomBytes(32).toString("hex");
    this.#containers.set(service, { id, service, env: lines, startedAt: new Date().toISOString() });
    this.#onStart(service, env.DATABASE_URL ?? "");
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse, dir: string): Promise<void> {
    const url = new URL(request.url ?? "/", "http://docker");
    const path = url.pathname.replace(/^\/v[\d.]+/, "");
    const send = (value: unknown, code = 200) => {
      response.writeHead(code, { "content-type": "application/json" });
      response.end(JSON.stringify(value));
    };
    if (path === "/fake/up") {
      const body = JSON.parse(await textOf(request)) as { service: string; env: Record<string, string> };
      this.start(body.service, body.env);
      return send({});
    }
    if (path === "/containers/json") {
      const { label = [] } = JSON.parse(url.searchParams.get("filters") ?? "{}") as { label?: string[] };
      const all = [...this.#containers.values()].map((each) => inspected(each, dir));
      const matching = all.filter(({ Config }) =>
        label.every((each) => Object.entries(Config.Labels).some(([key, value]) => `${key}=${value}` === each)),
      );
      return send(matching.map(({ Id, NetworkSettings }) => ({ Id, NetworkSettings })));
    }
    if (path === "/info") return send({ SystemTime: new Date().toISOString() });
    if (path.startsWith("/images/")) return send({ Id: "sha256:1" });
    const [, id, what] = /^\/containers\/(\w+)\/(json|logs)$/.exec(path) ?? [];
    const found = [...this.#containers.values()].find((each) => each.id === id);
    if (!found) return send({ message: "no such container" }, 404);
    if (what === "json") return send(inspected(found, dir));
    response.end(this.broken.has(found.service) ? logged("ERROR:  permission denied for table tickets") : "");
  }
}

function inspected({ id, service, env, startedAt }: Container, dir: string) {
  return {
    Id: id,
    Name: `/shop_${service}_1`,
    Image: "sha256:1",
    Created: startedAt,
    RestartCount: 0,
    State: { Status: "running", Running: true, ExitCode: 0, OOMKilled: false, StartedAt: startedAt },
    Config: {
      Image: "shop",
      Tty: false,
      Env: env,
      Labels: {
        "com.docker.compose.project": "shop",
        "com.docker.compose.service": service,
        "com.docker.compose.project.working_dir": dir,
        "com.docker.compose.version": "1.29.2",
        "com.docker.compose.config-hash": "1",
      },
    },
    // The address of the test's sessions.
    NetworkSettings: { Networks: { shop: { IPAddress: "127.0.0.1" } } },
  };
}

/** A log line in Docker's frame. */
function logged(line: string): Buffer {
  const text = Buffer.from(`${new Date().toISOString()} ${line}\n`);
  const header = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(text.length, 4);
  return Buffer.concat([header, text]);
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) text += chunk;
  return text;
}

/** Compose files here are JSON, which is also YAML, except those of the probe. */
const executable = `#!/usr/bin/env node
const { existsSync, readFileSync } = require("node:fs");
const { request } = require("node:http");
const args = process.argv.slice(2);
const files = [];
while (args[0]?.startsWith("--") || args[0] === "-f") {
  const option = args.shift(), value = args.shift();
  if (option === "--file") files.push(value);
}
const [what, ...rest] = args;
const services = {};
for (const file of files) {
  const text = readFileSync(file, "utf8");
  if (text.startsWith("{")) {
    for (const [name, each] of Object.entries(JSON.parse(text).services)) services[name] = [...(services[name] ?? []), ...each.env_file];
    continue;
  }
  const [, name] = /services:\\s+(\\w+):/.exec(text), [, path] = /env_file:\\s+- (\\S+)/.exec(text);
  services[name] = [...(services[name] ?? []), path];
}
const environment = (name) => Object.fromEntries(services[name].flatMap((file) => readFileSync(file, "utf8").split("\\n").filter((line) => line.includes("=")).map((line) => {
  const at = line.indexOf("="); return [line.slice(0, at), line.slice(at + 1).replace(/^(['"])(.*)\\1$/, "$2")];
})));
const tell = (path, body) => new Promise((resolve) => request({ socketPath: SOCKET, path, method: body ? "POST" : "GET" }, (response) => {
  let text = ""; response.setEncoding("utf8").on("data", (chunk) => { text += chunk; }).on("end", () => resolve(text));
}).end(body && JSON.stringify(body)));
(async () => {
  if (what === "version") return console.log("1.29.2");
  if (what === "config" && rest[0] === "--hash") return console.log(rest[1] + " 1");
  if (what === "config") {
    const all = Object.keys(services).map((name) => [name, { image: "shop", environment: Object.fromEntries(Object.entries(environment(name)).map(([key, value]) => [key, value.replaceAll("$", "$$$$")])) }]);
    return console.log(JSON.stringify({ services: Object.fromEntries(all) }));
  }
  const name = rest.at(-1);
  if (what === "ps") {
    const label = encodeURIComponent(JSON.stringify({ label: ["com.docker.compose.service=" + name] }));
    return JSON.parse(await tell("/containers/json?filters=" + label)).forEach(({ Id }) => console.log(Id));
  }
  if (existsSync("broken")) { console.error("no space left on device"); process.exit(1); }
  await tell("/fake/up", { service: name, env: environment(name) });
})();
`;
