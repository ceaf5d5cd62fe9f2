import { z } from "zod";
import { configuration, secretConfiguration } from "./configuration.ts";
import type { AnyContract } from "./contract.ts";
import * as functions from "./functions/contracts.ts";

interface Property {
  type?: string;
  $ref?: string;
  items?: Property;
  additionalProperties?: Property;
  description?: string;
  secret?: boolean;
}

interface JsonSchema {
  type?: string;
  enum?: unknown[];
  description?: string;
  items?: JsonSchema;
  additionalProperties?: JsonSchema | boolean;
}

const anything: Property = { $ref: "pulumi.json#/Any" };
const plan: Property = {
  type: "object",
  additionalProperties: { type: "string" },
  description: "Map of each object to the change that the next up makes to it. Empty after the up.",
};
const warned: Property = {
  type: "string",
  description:
    "Digests of the warnings of the last up, by which `app-roles review` tells new ones. Missing without warnings.",
};

/**
 * The Pulumi package schema, derived from the contracts that the plugin validates its inputs with
 * (https://www.pulumi.com/docs/iac/guides/building-extending/packages/schema/).
 */
export function packageSchema(version: string, contracts: AnyContract[]): object {
  const variables = properties(configuration, secretConfiguration);
  return {
    name: "pgaccess",
    version,
    description: "Ownership, privileges, settings and the connection budget of a Postgres or TimescaleDB server.",
    license: "Apache-2.0",
    config: { variables },
    provider: { inputProperties: variables, requiredInputs: required(configuration) },
    functions: Object.fromEntries(
      Object.values(functions).map(({ token, description, inputs, outputs }) => [
        token,
        { description, inputs: objectOf(inputs), outputs: objectOf(outputs) },
      ]),
    ),
    resources: Object.fromEntries(contracts.map((contract) => [contract.token, resourceOf(contract)])),
  };
}

function resourceOf({ description, inputs, observed, decided, secrets }: AnyContract) {
  const inputProperties = properties(inputs, secrets);
  const outputs = { ...properties({ ...observed, ...decided }, secrets), changes: plan };
  const requiredInputs = required(inputs);
  return {
    description,
    inputProperties,
    requiredInputs,
    properties: { ...inputProperties, ...outputs, warned },
    required: [...requiredInputs, ...Object.keys(outputs)],
  };
}

function objectOf(shape: z.ZodRawShape) {
  const keys = required(shape);
  return { properties: properties(shape, []), ...(keys.length > 0 && { required: keys }) };
}

function properties(shape: z.ZodRawShape, secrets: string[]): Record<string, Property> {
  return Object.fromEntries(
    Object.entries(shape).map(([key, schema]) => {
      const json = z.toJSONSchema(schema as z.ZodType, { io: "input", unrepresentable: "any" }) as JsonSchema;
      const { description } = json;
      return [
        key,
        { ...toProperty(json), ...(description && { description }), ...(secrets.includes(key) && { secret: true }) },
      ];
    }),
  );
}

function toProperty(json: JsonSchema): Property {
  if (json.type === "array" && json.items) return { type: "array", items: toProperty(json.items) };
  if (json.type === "object" && typeof json.additionalProperties === "object") {
    return { type: "object", additionalProperties: toProperty(json.additionalProperties) };
  }
  if (json.type === "string" || json.type === "integer" || json.type === "number" || json.type === "boolean") {
    return { type: json.type };
  }
  return json.enum ? { type: "string" } : anything;
}

function required(shape: z.ZodRawShape): string[] {
  return Object.entries(shape)
    .filter(([, schema]) => !(schema as z.ZodType).safeParse(undefined).success)
    .map(([key]) => key);
}
