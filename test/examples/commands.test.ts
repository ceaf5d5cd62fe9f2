import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { json } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { CommandTarget } from "../../provider/service-env/command.ts";
import { testCall } from "../provider/calls.ts";

const example = (name: string) => join(import.meta.dirname, "../../examples/commands", name);
const previous = "postgres://postgres:old'pass@db/shop";
const next = "postgres://shop_app:0123456789abcdef@db/shop";
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "app-roles-recipe-"));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

test("the example for Kubernetes writes a Secret and waits for the rollout", async () => {
  const bin = join(folder, "bin");
  mkdirSync(bin);
  // kubectl with a Secret in a file, which records its arguments.
  writeFileSync(
    join(bin, "kubectl"),
    `#!${process.execPath}
const fs = require("node:fs");
const args = process.argv.slice(2).join(" ");
fs.appendFileSync("${folder}/calls", args + "\\n");
const file = "${folder}/secret.json";
if (fs.existsSync("${folder}/unreachable")) { console.error("connection refused"); process.exit(1); }
const data = fs.existsSync(file) ? JSON.parse(fs.readFileSync(file)).data : undefined;
if (data === undefined && !args.includes("--ignore-not-found") && / (get|patch) secret /.test(args)) process.exit(1);
const path = /jsonpath=\\{\\.data\\.(.*)\\}/.exec(args)?.[1].replaceAll("\\\\.", ".");
if (data && path) process.stdout.write(data[path] ?? "");
if (data && args.endsWith("--output name")) process.stdout.write("secret/api");
if (args.includes(" patch secret api ")) fs.writeFileSync(file, JSON.stringify({ data: { ...data, ...JSON.parse(fs.readFileSync(0)).data } }));
if (args.includes(" create --filename -")) fs.writeFileSync(file, fs.readFileSync(0));
`,
  );
  chmodSync(join(bin, "kubectl"), 0o755);
  writeFileSync(join(folder, "secret.json"), JSON.stringify({ data: { DATABASE_URL: btoa(previous) } }));
  vi.stubEnv("PATH", `${bin}${delimiter}${process.env.PATH}`);
  const target = new CommandTarget({
    service: "api",
    urlKey: "DATABASE_URL",
    path: example("kubernetes.sh"),
    args: ["prod"],
  });
  expect((await target.find(testCall())).stored).toBe(previous);
  await target.put(next, testCall());
  expect((await target.find(testCall())).stored).toBe(next);
  const calls = readFileSync(join(folder, "calls"), "utf8");
  expect(calls).toContain("--namespace prod rollout restart deployment/api");
  expect(calls).toContain("--namespace prod rollout status deployment/api");
  expect(calls).not.toMatch(/0123456789abcdef|old'pass/);

  const secret = () => JSON.parse(readFileSync(join(folder, "secret.json"), "utf8"));
  // A missing Secret reads as nothing, and is created.
  rmSync(join(folder, "secret.json"));
  expect((await target.find(testCall())).stored).toBeUndefined();
  await target.put(next, testCall());
  expect(secret()).toMatchObject({ kind: "Secret", metadata: { name: "api" }, data: { DATABASE_URL: btoa(next) } });
  // A failing kubectl is an error: the stored value would be overwritten, and its rollback lost.
  writeFileSync(join(folder, "unreachable"), "");
  await expect(target.find(testCall())).rejects.toThrow("connection refused");
});

test("the example for Kubernetes accepts a key with dots", () => {
  const bin = join(folder, "bin");
  mkdirSync(bin);
  writeFileSync(join(bin, "kubectl"), `#!/bin/sh\nprintf '%s\\n' "$*" >${folder}/calls\nprintf aGk=\n`);
  chmodSync(join(bin, "kubectl"), 0o755);
  const env = { PATH: `${bin}${delimiter}${process.env.PATH}`, APP_ROLES_URL_KEY: "spring.datasource.url" };
  expect(execFileSync(example("kubernetes.sh"), ["prod", "api", "read"], { env, encoding: "utf8" })).toBe("hi");
  expect(readFileSync(join(folder, "calls"), "utf8")).toContain("jsonpath={.data.spring\\.datasource\\.url}");
});

test("the example for Coolify writes the application's variable through the API and deploys", async () => {
  const variables = [
    { key: "DATABASE_URL", value: "preview", is_preview: true },
    { key: "DATABASE_URL", value: previous, is_preview: false },
  ];
  const calls: string[] = [];
  let statuses = ["queued", "in_progress", "finished"];
  vi.stubEnv("COOLIFY_POLL_MILLISECONDS", "1");
  const server = createServer(async (request, response) => {
    calls.push(`${request.method} ${request.url} ${request.headers.authorization}`);
    if (request.method === "PATCH") {
      const body = (await json(request)) as { key: string; value: string; is_preview: boolean };
      const found = variables.find((each) => each.key === body.key && each.is_preview === body.is_preview);
      if (found) found.value = body.value;
    }
    const answers: [RegExp, () => unknown][] = [
      [/\/envs$/, () => variables],
      [/\/deploy\?/, () => ({ deployments: [{ deployment_uuid: "d1" }] })],
      [/\/deployments\/d1$/, () => ({ status: statuses.length > 1 ? statuses.shift() : statuses[0] })],
    ];
    const answer = answers.find(([path]) => path.test(request.url ?? ""));
    response.end(JSON.stringify(answer?.[1]() ?? {}));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    writeFileSync(join(folder, "token"), "coolify-token\n", { mode: 0o600 });
    const target = new CommandTarget({
      service: "api",
      urlKey: "DATABASE_URL",
      path: example("coolify.mjs"),
      args: [address, join(folder, "token"), "u1"],
    });
    expect((await target.find(testCall())).stored).toBe(previous);
    await target.put(next, testCall());
    expect(variables.map(({ value }) => value)).toEqual(["preview", next]);
    expect(calls).toContain("GET /api/v1/deploy?uuid=u1&force=false Bearer coolify-token");
    expect(calls.filter((call) => call.startsWith("GET /api/v1/deployments/d1 "))).toHaveLength(3);
    statuses = ["in_progress", "failed"];
    await expect(target.put(previous, testCall())).rejects.toThrow("deployment d1: failed");
    statuses = ["in_progress"];
    vi.stubEnv("COOLIFY_TIMEOUT_MILLISECONDS", "5");
    await expect(target.put(`${next}?x`, testCall())).rejects.toThrow("is still in_progress after 0.005 s");
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
});
