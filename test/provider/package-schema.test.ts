import { expect, test } from "vitest";
import rootPackage from "../../package.json" with { type: "json" };
import { pgaccess } from "../../provider/pgaccess.ts";

interface Schema {
  name: string;
  version: string;
  provider: { inputProperties: Record<string, { secret?: boolean }>; requiredInputs: string[] };
  resources: Record<string, { inputProperties: Record<string, object>; requiredInputs: string[]; required: string[] }>;
  functions: Record<string, object>;
}

test("the package schema names every resource, input and function of the plugin", async () => {
  const provider = pgaccess();
  const schema = (await provider.schema()) as Schema;
  expect(schema.name).toBe("pgaccess");
  expect(schema.version).toBe(rootPackage.version);
  expect(Object.keys(schema.resources).sort()).toEqual(Object.keys(provider.resources).sort());
  expect(Object.keys(schema.functions)).toEqual(Object.keys(provider.functions ?? {}));
  expect(schema.provider.requiredInputs).toEqual(["host", "port", "user", "database", "sslmode"]);
  expect(schema.provider.inputProperties.password).toEqual({
    type: "string",
    description: "Password of the admin role. Default: none.",
    secret: true,
  });
  expect(schema.resources["pgaccess:index:Privileges"]).toMatchObject({
    inputProperties: { role: { type: "string" }, schemas: { type: "array", items: { type: "string" } } },
    requiredInputs: ["role", "database", "schemas"],
  });
  expect(schema.resources["pgaccess:index:Ownership"]?.required).toContain("changes");
});

test("the package schema describes every property", async () => {
  const { resources } = (await pgaccess().schema()) as {
    resources: Record<string, { properties: Record<string, object> }>;
  };
  const undescribed = Object.entries(resources).flatMap(([token, { properties }]) =>
    Object.entries(properties).flatMap(([key, property]) => ("description" in property ? [] : [`${token} ${key}`])),
  );
  expect(undescribed).toEqual([]);
});
