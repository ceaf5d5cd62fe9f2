import { expect, test } from "vitest";
import { factsOf } from "../../../cli/discover/containers.ts";

test("of variables and commands only names are kept", () => {
  const secret = "hunter2";
  const facts = factsOf({
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
      Cmd: [
        ...["--dsn", `postgres://postgres:${secret}@db/shop`, `--db-password=${secret}`, `PGPASSWORD=${secret}`],
        ...["--token", secret, `host=db user=x password=${secret}`],
      ],
      Entrypoint: "run",
    },
    HostConfig: {},
    NetworkSettings: { Networks: { shop: { IPAddress: "172.18.0.3", GlobalIPv6Address: "" } } },
  });
  expect(facts).toEqual({
    name: "shop-api-1",
    image: "shop:1",
    command: "run --dsn <url> --db-password=<value> PGPASSWORD=<value> --token <value> host=db user=x password=<value>",
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
