import { expect, test } from "vitest";
import { factsOf } from "../../../cli/discover/containers.ts";
import type { ContainerInspection } from "../../../provider/docker/engine-types.ts";

const secret = "hunter2";

function inspected(entrypoint: string | string[] | null, command: string[] | null): ContainerInspection {
  return {
    Id: "1",
    Name: "/shop-api-1",
    Created: "",
    Image: "sha256:1",
    RestartCount: 0,
    State: {
      Status: "running",
      Running: true,
      Restarting: false,
      OOMKilled: false,
      ExitCode: 0,
      StartedAt: "2026-01-02T03:04:05Z",
    },
    Config: {
      Image: "shop:1",
      Tty: false,
      Labels: {
        "com.docker.compose.project": "shop",
        "com.docker.compose.service": "api",
        "com.docker.compose.project.config_files": "/srv/docker-compose.yml,/srv/prod.yml",
      },
      Env: [
        `DB_URL=postgresql://postgres:${secret}@db/shop`,
        `AUDIT_URL=postgres://u:${secret}@db/a%`,
        `TOKEN=${secret}`,
        "EMPTY",
        "REPORTS_DSN_FILE=/run/secrets/reports",
        "CONFIG_FILE=/etc/app.conf",
      ],
      Cmd: command,
      Entrypoint: entrypoint,
    },
    HostConfig: {},
    NetworkSettings: { Networks: { shop: { IPAddress: "172.18.0.3", GlobalIPv6Address: "" } } },
  };
}

test("of variables only names are kept", () => {
  const facts = factsOf(inspected("/srv/bin/run", null));
  expect(facts).toEqual({
    name: "shop-api-1",
    image: "shop:1",
    program: "run",
    addresses: ["172.18.0.3"],
    startedAt: new Date("2026-01-02T03:04:05Z"),
    urlKeys: [
      { name: "DB_URL", database: "shop" },
      { name: "AUDIT_URL", database: undefined },
      { name: "REPORTS_DSN", database: undefined },
    ],
    compose: { project: "shop", service: "api", files: ["/srv/docker-compose.yml", "/srv/prod.yml"] },
    swarm: undefined,
  });
  expect(JSON.stringify(facts)).not.toContain(secret);
});

test.each([
  ["mysql", [`-p${secret}`]],
  ["psql", [`--password=${secret}`, `--${secret}`]],
  ["env", [`PGPASSWORD=${secret}`, "psql"]],
  ["sh", ["-c", `PGPASSWORD=${secret} exec psql`]],
  ["api", [`postgresql://u:${secret}@db/shop`, `host=db password='${secret}'`]],
  ["docker", ["run", "-e", `KEY=${secret}`]],
  ["worker", [Buffer.from(secret).toString("base64")]],
])("of the command line of %s no argument is kept", (program, args) => {
  for (const facts of [
    factsOf(inspected([`/usr/bin/${program}`], args)),
    factsOf(inspected(null, [program, ...args])),
    factsOf(inspected(`${program} ${args.join(" ")}`, null)),
  ]) {
    expect(facts.program).toBe(program);
    expect(JSON.stringify(facts)).not.toContain(secret);
    expect(JSON.stringify(facts)).not.toContain(Buffer.from(secret).toString("base64"));
  }
  expect(factsOf(inspected(`PGPASSWORD=${secret} ${program}`, args)).program).toBe("");
});
