import { expect, test } from "vitest";
import { Secrets } from "../../../provider/rpc/secrets.ts";
import { Secret, unknown } from "../../../provider/rpc/values.ts";

test("secrets at any depth are replaced, other texts are left alone", () => {
  const secrets = new Secrets();
  secrets.learn({
    user: "postgres",
    list: [{ deep: new Secret({ inner: ["s3cret-one"] }) }],
    off: new Secret(unknown),
  });
  expect(secrets.scrub("postgres and s3cret-one, s3cret-one")).toBe("postgres and [secret], [secret]");
});

test("the password of a secret URL is also replaced alone, encoded or not", () => {
  const secrets = new Secrets();
  secrets.learn(new Secret("postgresql://u:p%40ssw0rd@host:5432/db"));
  expect(secrets.scrub("p%40ssw0rd p@ssw0rd")).toBe("[secret] [secret]");
  expect(secrets.scrub("at postgresql://u:p%40ssw0rd@host:5432/db")).toBe("at [secret]");
});

test("a secret that is too short is not replaced", () => {
  const secrets = new Secrets();
  secrets.learn(new Secret("role"));
  expect(secrets.scrub("no such role")).toBe("no such role");
});
