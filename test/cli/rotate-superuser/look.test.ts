import { afterEach, expect, test, vi } from "vitest";
import { look } from "../../../cli/rotate-superuser/look.ts";
import { refuseUnfit } from "../../../cli/rotate-superuser/preconditions.ts";
import { stackVault } from "../../../cli/rotate-superuser/vault.ts";
import { parseStack } from "../../../config/parse-stack.ts";

const stack = { ...parseStack({ server: { host: "db" } }), dockerHost: "unix:///no/such.sock" };
const own = {
  user: "postgres",
  stored: "md5abc",
  endsAt: "2030-01-01 00:00:00+00",
  hasExpired: false,
  isReadOnly: false,
  isStandby: false,
  identity: "now",
};
afterEach(() => vi.restoreAllMocks());

test("checks that cannot be made are findings: no Docker, and no address that requires a password", async () => {
  const said: string[] = [];
  vi.spyOn(console, "log").mockImplementation((line: string) => void said.push(line));
  const db = { query: async <Row>() => ({ rows: [] as Row[] }) };
  const deployed = { connectAs: new Map(), kept: new Map(), adminPassword: undefined };
  const options = { watch: 0, accept: [], yes: false, stack, deployed, vault: stackVault("prod") };
  const findings = await look(db, own, { reasons: ["127.0.0.1:5432 requires no password"] }, options);
  expect(findings.map(({ name, found }) => [name, found])).toEqual([
    ["docker", expect.stringMatching(/no container could be inspected: .*ENOENT.*docker:host/)],
    ["login", "the server asks for no password at any address: 127.0.0.1:5432 requires no password"],
  ]);
  expect(said.join("\n")).toMatch(
    /stored as md5, the new one as SCRAM[\s\S]*expires at 2030[\s\S]*has no admin password/,
  );
});

test.each([
  [{ isStandby: true, isReadOnly: true }, /db:5432 is a standby/],
  [{ isReadOnly: true }, /read-only/],
  [{ user: "pooled" }, /the login as postgres became pooled/],
  [{ hasExpired: true }, /expired at 2030.*VALID UNTIL 'infinity'/],
])("%j is refused before anything else", (difference, words) => {
  expect(() => refuseUnfit({ ...own, ...difference }, stack)).toThrow(words);
  expect(() => refuseUnfit(own, stack)).not.toThrow();
});
