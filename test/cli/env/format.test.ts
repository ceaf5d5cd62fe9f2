import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { formats } from "../../../cli/env/format.ts";
import { run } from "../../../sandbox/process.ts";

const values = [
  "postgresql://app:0123456789abcdef@db:5432/shop",
  "postgresql://app:p%40ss$word$$#x@db/shop?options=-c%20a%3Db",
  `it's "quoted" # and \\ $HOME`,
];

test.each(values)("node --env-file reads the value: %s", async (value) => {
  const folder = await mkdtemp(join(tmpdir(), "app-roles-env-"));
  try {
    const file = join(folder, ".env");
    await writeFile(file, formats.dotenv("URL", value));
    const read = "process.stdout.write(process.env.URL)";
    const { stdout } = await run(process.execPath, [`--env-file=${file}`, "-e", read], {
      env: { PATH: process.env.PATH },
    });
    expect(stdout).toBe(value);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a dotenv file refuses what it cannot hold, without revealing it", () => {
  for (const value of ["two\nlines", "'\"`secret"]) {
    expect(() => formats.dotenv("URL", value)).toThrow(/^the value contains newlines or all kinds of quotes/);
  }
});

test.each(values)("JSON, a compose override and a docker secret hold the value: %s", (value) => {
  expect(JSON.parse(formats.json("URL", value))).toEqual({ URL: value });
  const compose = parse(formats.compose("URL", value, "shop.api"));
  // Compose reads `$$` as a dollar sign.
  expect(compose.services["shop.api"].environment.URL.replaceAll("$$", "$")).toBe(value);
  expect(compose.services["shop.api"].environment.URL.replaceAll("$$", "")).not.toContain("$");
  expect(formats["docker-secret"]("URL", value)).toBe(value);
});
