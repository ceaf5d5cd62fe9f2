import { expect, onTestFinished, test, vi } from "vitest";
import { findTarget } from "../../../cli/discover/target.ts";

test("a URL names the server, also if a stack is named, which is then not read", async () => {
  vi.stubEnv("PGHOST", "elsewhere");
  vi.stubEnv("PATH", "/nowhere"); // no pulumi
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
  const target = await findTarget("postgresql://u:p@db.internal/shop", "no-such-stack");
  expect(target).toMatchObject({ address: { host: "db.internal", user: "u" }, namedBy: "URL", dockerHost: undefined });
  expect(await findTarget(undefined, undefined)).toMatchObject({ address: { host: "elsewhere" } });
  await expect(findTarget(undefined, "no-such-stack")).rejects.toThrow();
});
