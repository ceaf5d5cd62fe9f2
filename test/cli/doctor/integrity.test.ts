import { expect, test } from "vitest";
import { integrityProblems } from "../../../cli/doctor/integrity.ts";
import type { ExportedResource } from "../../../cli/pulumi/state.ts";

const urn = (name: string) => `urn:pulumi:prod::app-roles::test:index:Thing::${name}`;
const stack: ExportedResource = { urn: urn("stack"), type: "pulumi:pulumi:Stack" };
const thing = (name: string, more: Partial<ExportedResource> = {}): ExportedResource => ({
  urn: urn(name),
  type: "test:index:Thing",
  parent: stack.urn,
  ...more,
});
const provider = thing("provider", { type: "pulumi:providers:test" });
const whole = [
  stack,
  provider,
  thing("env", { provider: `${provider.urn}::0f8f` }),
  thing("gate", { dependencies: [urn("env")], propertyDependencies: { url: [urn("env")], gate: null } }),
];

test("a valid state has no problems, even with a replaced resource next to its successor", () => {
  expect(integrityProblems(whole)).toEqual([]);
  expect(integrityProblems([...whole, thing("env", { delete: true })])).toEqual([]);
  expect(integrityProblems([])).toEqual([]);
});

test.each<[string, ExportedResource[], string]>([
  [
    "a dependency that comes later",
    [stack, provider, ...whole.slice(2).reverse()],
    `${urn("gate")}: its dependency ${urn("env")} comes after it`,
  ],
  ["a URN twice", [...whole, thing("env")], `${urn("env")} is in the state twice`],
  [
    "a parent that is gone",
    [stack, thing("lost", { parent: urn("nobody") })],
    `${urn("lost")}: its parent ${urn("nobody")} does not exist`,
  ],
  [
    "a provider that is gone",
    [stack, thing("env", { provider: `${provider.urn}::0f8f` })],
    `${urn("env")}: its provider ${provider.urn} does not exist`,
  ],
  [
    "a dependency of a property that is gone",
    [stack, thing("gate", { propertyDependencies: { url: [urn("env")] } })],
    `${urn("gate")}: its dependency ${urn("env")} does not exist`,
  ],
  [
    "a resource it goes with that is gone",
    [stack, thing("a", { deletedWith: urn("b") })],
    `${urn("a")}: its deletedWith ${urn("b")} does not exist`,
  ],
])("%s is reported", (_what, resources, problem) => {
  expect(integrityProblems(resources)).toEqual([problem]);
});
