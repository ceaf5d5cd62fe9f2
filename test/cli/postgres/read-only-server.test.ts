import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { explainLogin } from "../../../cli/postgres/login-error.ts";
import type { NamedBy } from "../../../cli/postgres/named-server.ts";
import { ReadOnlyServer } from "../../../cli/postgres/read-only-server.ts";
import { ConnectionError } from "../../../provider/postgres/connection.ts";
import { Gatekeeper } from "../../faults/gatekeeper.ts";

let keeper: Gatekeeper;
beforeAll(async () => {
  // Every login is refused, so no server is behind it.
  keeper = await Gatekeeper.start({ host: "127.0.0.1", port: 1 });
});
afterAll(() => keeper.stop());

async function refusedLogin(namedBy: NamedBy, at: { port: number; sslmode?: string; sslrootcert?: string }) {
  const address = { host: "127.0.0.1", user: "auditor", password: "hunter2", database: "shop", sslmode: "disable" };
  const server = new ReadOnlyServer({ address: { ...address, ...at }, namedBy });
  try {
    return await server.anySession(async () => "no error").catch((error: Error) => error.message);
  } finally {
    await server.close();
  }
}

const refusals = {
  password: { code: "28P01", message: 'password authentication failed for user "auditor"' },
  database: { code: "3D000", message: 'database "shop" does not exist' },
  role: { code: "28000", message: 'role "auditor" does not exist' },
  hba: { code: "28000", message: "no pg_hba.conf entry for host" },
  connect: { code: "42501", message: 'permission denied for database "shop"' },
};

test.each([
  ["URL", "password", /\(28P01\)\. Check the password: in the URL or, .* in PGPASSWORD or ~\/\.pgpass\.$/],
  ["environment", "password", /\(28P01\)\. Check PGPASSWORD or ~\/\.pgpass\.$/],
  ["stack", "password", /\(28P01\)\. Check the admin password \(app-roles:adminPassword/],
  ["URL", "database", /\(3D000\)\. Check the database in the URL;/],
  ["environment", "database", /\(3D000\)\. Check PGDATABASE;/],
  ["stack", "database", /\(3D000\)\. .*app-roles:databases/],
  ["URL", "role", /\(28000\)\. Check the user's name; the role must exist and have LOGIN\.$/],
  ["URL", "hba", /\(28000\)\. Check pg_hba\.conf/],
  ["URL", "connect", /\(42501\)\. GRANT CONNECT on the database/],
] as const)("a server that the %s names refuses the %s", async (namedBy, what, words) => {
  keeper.refusals.push(refusals[what]);
  const said = await refusedLogin(namedBy, { port: keeper.port });
  expect(said).toMatch(words);
  expect(said).not.toContain("hunter2");
  if (namedBy !== "stack") expect(said).not.toContain("app-roles:");
});

test.each([
  ["URL", /ECONNREFUSED\)\. Check host and port in the URL/],
  ["environment", /ECONNREFUSED\)\. Check PGHOST and PGPORT/],
  ["stack", /ECONNREFUSED\)\. .*app-roles:server\.admin/],
] as const)("no server listens where the %s says", async (namedBy, words) => {
  expect(await refusedLogin(namedBy, { port: 1 })).toMatch(words);
});

test.each([
  ["URL", /none\.crt cannot be read \(ENOENT\)\. .*sslrootcert in the URL\.$/],
  ["environment", /none\.crt cannot be read \(ENOENT\)\. .*PGSSLROOTCERT\.$/],
  ["stack", /none\.crt cannot be read \(ENOENT\)\. .*app-roles:server\.sslrootcert/],
] as const)("the root certificate that the %s names cannot be read", async (namedBy, words) => {
  expect(await refusedLogin(namedBy, { port: 1, sslmode: "require", sslrootcert: "none.crt" })).toMatch(words);
});

test.each([
  ["URL", /does not support SSL.* add \?sslmode=disable to the URL\.$/],
  ["environment", /does not support SSL.* set PGSSLMODE=disable\.$/],
] as const)("a server without TLS that the %s names", async (namedBy, words) => {
  const plain = createServer((socket) => socket.once("data", () => socket.end("N")));
  plain.listen(0, "127.0.0.1");
  await once(plain, "listening");
  const { port } = plain.address() as AddressInfo;
  expect(await refusedLogin(namedBy, { port, sslmode: "require" })).toMatch(words);
  plain.close();
});

test("a missing password is asked for where the others are; other errors are unchanged", () => {
  const none = new ConnectionError("cannot log in: it asks for a password, and there is none", undefined, "Give it");
  expect(explainLogin(none, "environment")).toMatchObject({
    message: expect.stringMatching(/none\. Check PGPASSWORD/),
  });
  const other = new Error("syntax error");
  expect(explainLogin(other, "URL")).toBe(other);
});
