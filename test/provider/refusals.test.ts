import { afterAll, beforeAll, expect, test } from "vitest";
import { pgaccess } from "../../provider/pgaccess.ts";
import { type PropertyMap, Secret, unknown } from "../../provider/rpc/values.ts";
import { PluginProcess } from "./rpc/plugin-process.ts";

/**
 * The engine prints `value {<nil>} has a problem` for a failure of a property without a value, and the value of any other
 * property, even of a secret. So a failure names a property only when its key has a plain value.
 */
const address = { host: "127.0.0.1", port: "1", user: "postgres", database: "postgres", sslmode: "disable" };
const types = Object.keys(pgaccess().resources);

let plugin: PluginProcess;
beforeAll(async () => {
  plugin = await PluginProcess.start([process.execPath, "provider/main.ts"]);
  await plugin.configure({ ...address, password: "" }, "pgaccess");
});
afterAll(() => plugin?.stop());

/** Every kind of bad input: missing, null, secret, unknown, wrong type, wrong nested value, unknown key. */
const schema = (await pgaccess().schema()) as {
  resources: Record<string, { inputProperties: Record<string, object> }>;
};
function badInputs(type: string): PropertyMap[] {
  const keys = Object.keys(schema.resources[type]?.inputProperties ?? {});
  const all = (value: PropertyMap[string]) => Object.fromEntries(keys.map((key) => [key, value]));
  return [
    {},
    all(null),
    all(new Secret({ hush: 1 })),
    all({ a: [unknown, { b: null }] }),
    all([{ x: new Secret(1) }]),
    all(7.5),
    { tooMany: 1 },
  ];
}

test.each(types)("%s: a failure names a property only where the engine can print its value", async (type) => {
  const urn = `urn:pulumi:prod::app-roles::${type}::it`;
  let seen = 0;
  for (const news of badInputs(type)) {
    const { failures } = await plugin.check(urn, news);
    for (const { property, reason } of failures) {
      seen++;
      expect(reason).not.toBe("");
      if (property === "") continue;
      expect(["number", "string", "boolean", "object"], `${property}: ${reason}`).toContain(typeof news[property]);
      expect(JSON.stringify(news[property])).not.toMatch(/hush/);
      expect(news[property] ?? null).not.toBeNull();
      expect(news[property]).not.toBeInstanceOf(Secret);
    }
  }
  expect(seen).toBeGreaterThan(0);
});

test("a failure of the provider's configuration names its key only in the reason", async () => {
  const { failures } = await plugin.checkConfig({
    ...address,
    port: "none",
    sslmode: "prefer",
    sslrootcert: "none.crt",
  });
  expect(failures.map(({ property }) => property)).toEqual(["", ""]);
  const more = await plugin.checkConfig({ ...address, sslmode: "verify-full", sslrootcert: "none.crt", password: "x" });
  expect(more.failures).toEqual([{ property: "", reason: "sslrootcert: none.crt cannot be read (ENOENT)" }]);
  expect((await plugin.checkConfig({})).failures.every(({ property }) => property === "")).toBe(true);
});
