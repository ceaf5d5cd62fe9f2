import { afterAll, beforeAll, expect, test } from "vitest";
import { createEstate, type Estate } from "./estate.ts";

let estate: Estate;
beforeAll(async () => {
  estate = await createEstate();
  await estate.up();
});
afterAll(() => estate.remove());

test("a changed admin password needs one up without refresh, and the error says so", async () => {
  await estate.query("postgres", "ALTER ROLE postgres PASSWORD 'changed'");
  const env = { PGPASSWORD: "changed" };
  const { text } = await estate.pulumi(["preview"], { fails: true, env });
  expect(text).toContain("28P01");
  await estate.pulumi(["up", "--yes", "--skip-preview", "--refresh=false"], { env });
  await estate.pulumi(["preview", "--expect-no-changes"], { env });
  await estate.pulumi(["destroy", "--yes", "--skip-preview"], { env });
});
