import { expect, test } from "vitest";
import { report } from "../../../cli/rotate-superuser/finding.ts";
import { holders, holds } from "../../../cli/rotate-superuser/holders.ts";
import { readableShellWord } from "../../../model/shell-word.ts";
import type { Environment } from "../../../provider/docker/environments.ts";

const password = "p@ss/1";

function container(name: string, env: string[], command: string[] = []): Environment {
  return { kind: "container", name, state: "exited", env, command };
}

function namesAndFound(...all: Environment[]): [string, string][] {
  return holders({ all, secrets: [] }, "postgres", password).map(({ name, found }) => [name, found]);
}

test("a password is found in variables, URLs, percent-encoded, and in the command line", () => {
  expect(
    namesAndFound(
      container("plain", ["LEVEL=info", `DB_PASS=${password}`]),
      container("url", [`DATABASE_URL=postgresql://postgres:p%40ss%2f1@db/shop`]),
      container("stray", [`NOTE=100% p%40ss/1 %zz`]),
      container("args", [], ["migrate", `--password=${password}`]),
      { ...container("api", ["X=1", `PASS=${password}`]), kind: "swarm", state: undefined },
      container("none", ["PATH=/usr/bin", "EMPTY=", "DATABASE_URL=postgresql://api:secret@db/shop"]),
    ),
  ).toEqual([
    ["container/plain", "DB_PASS holds this password (exited)"],
    ["container/url", "DATABASE_URL holds this password (exited)"],
    ["container/stray", "NOTE holds this password (exited)"],
    ["container/args", "its command line holds this password (exited)"],
    ["swarm/api", "PASS holds this password"],
  ]);
});

test("a URL of the user without this password is a weaker finding, and no value is shown", () => {
  const all = [container("api", ["URL=postgres://postgres:other-secret@db/shop"]), container("b", [`P=${password}`])];
  const findings = holders({ all, secrets: [] }, "postgres", password);
  expect(findings[0]?.found).toBe("URL logs in as postgres, with another password or none (exited)");
  for (const secret of [password, "other-secret"]) expect(report(findings)).not.toContain(secret);
  expect(holders({ all, secrets: [] }, "postgres", undefined).map(({ name }) => name)).toEqual(["container/api"]);
});

test("the variable of a Postgres image is treated separately", () => {
  const [finding] = holders(
    { all: [container("db", [`POSTGRES_PASSWORD=${password}`])], secrets: [] },
    "postgres",
    password,
  );
  expect(finding?.afterwards).toContain("only at its first start");
});

test("an empty password is never found", () => {
  expect(holds("anything", "")).toBe(false);
});

test.each([
  ["container/api-1", "container/api-1"],
  ["session/DBeaver 24@10.0.0.3", "'session/DBeaver 24@10.0.0.3'"],
  ["session/it's$(x)@local", `'session/it'\\''s$(x)@local'`],
])("a name as a shell word: %s", (name, word) => {
  expect(readableShellWord(name)).toBe(word);
});
