import { randomBytes } from "node:crypto";
import type pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { scramVerifier } from "../../model/scram.ts";
import { startPostgres, type TestPostgres } from "../provider/postgres.ts";

let postgres: TestPostgres;
let admin: pg.Client;
beforeAll(async () => {
  postgres = await startPostgres();
  admin = await postgres.connect();
  await admin.query("CREATE ROLE app LOGIN");
});
afterAll(() => postgres.stop());

const generated = () => randomBytes(24).toString("hex");

test.each([generated(), generated(), "0".repeat(48), "f".repeat(48), " p'w\\%$:,= "])(
  "Postgres stores the verifier of %j as it is, and the plain password logs in",
  async (password) => {
    const verifier = scramVerifier(password);
    await admin.query(`ALTER ROLE app PASSWORD ${admin.escapeLiteral(verifier)}`);
    const { rows } = await admin.query("SELECT rolpassword FROM pg_authid WHERE rolname = 'app'");
    expect(rows).toEqual([{ rolpassword: verifier }]);
    const client = await postgres.connect({ user: "app", password });
    expect((await client.query("SELECT current_user AS me")).rows).toEqual([{ me: "app" }]);
    await expect(postgres.connect({ user: "app", password: `${password}0` })).rejects.toMatchObject({ code: "28P01" });
    expect(verifier).not.toContain(password);
  },
);

test("one password has one verifier, another has another salt and keys", () => {
  const [one, other] = [generated(), generated()];
  expect(scramVerifier(one)).toBe(scramVerifier(one));
  const parts = (password: string) => scramVerifier(password).split(/[$:]/).slice(2);
  for (const [index, part] of parts(one).entries()) expect(parts(other)[index]).not.toBe(part);
});

test("uses Postgres's work factor", async () => {
  const { rows } = await admin.query("SELECT current_setting('scram_iterations') AS iterations");
  expect(scramVerifier("x").split(/[$:]/)[1]).toBe(rows[0].iterations);
});
