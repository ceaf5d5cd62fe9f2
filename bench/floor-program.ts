/**
 * The program that floor.ts compares with the stack: as many resources of the same shape, of a plugin that does nothing. Reads the
 * file that the environment variable BENCH names.
 */
import { readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";

/** A resource of the stack, as in its state. */
export interface Shape {
  urn: string;
  name: string;
  /** Of a component: undefined. */
  inputs?: Record<string, unknown>;
  parent?: string;
  dependencies: string[];
}

class Resource extends pulumi.CustomResource {
  constructor(name: string, inputs: pulumi.Inputs, options: pulumi.CustomResourceOptions) {
    super("floor:index:Resource", name, inputs, options);
  }
}

// As the stack does: the floor is as low as it can be.
Reflect.deleteProperty(Error, "prepareStackTrace");
const provider = new (class extends pulumi.ProviderResource {})("floor", "server");
const made = new Map<string, pulumi.Resource>();
const shapes = JSON.parse(readFileSync(process.env.BENCH ?? "", "utf8"), (_, value) =>
  // A secret in a state that is exported with its secrets.
  typeof value?.plaintext === "string" ? pulumi.secret(JSON.parse(value.plaintext)) : value,
) as Shape[];
for (const { urn, name, inputs, ...shape } of shapes) {
  const parent = shape.parent === undefined ? undefined : made.get(shape.parent);
  const options = { ...(parent && { parent }) };
  const dependsOn = shape.dependencies.flatMap((one) => made.get(one) ?? []);
  made.set(
    urn,
    inputs
      ? new Resource(name, inputs, { ...options, provider, dependsOn })
      : new pulumi.ComponentResource("floor:index:Component", name, {}, options),
  );
}

export const databaseUrls = {};
export const connectionBudget = {};
export const services = {};
export const roles = {};
