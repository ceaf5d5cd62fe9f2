import { z } from "zod";
import type { Reconciler } from "./reconciler.ts";

/** What the package schema says of a resource type. */
type Described = Pick<Reconciler<z.ZodRawShape>, "description" | "shape" | "observed" | "decided">;

interface Property {
  type?: string;
  $ref?: string;
  items?: Property;
  additionalProperties?: Property;
  secret?: boolean;
}

interface JsonSchema {
  type?: string;
  enum?: unknown[];
  items?: JsonSchema;
  additionalProperties?: JsonSchema | boolean;
}

const anything: Property = { $ref: "pulumi.json#/Any" };
const plan: Property = { type: "object", additionalProperties: { type: "string" } };

/**
 * The Pulumi package schema, made from what the provider checks its inputs with
 * (https://www.pulumi.com/docs/iac/guides/building-extending/packages/schema/).
 */
export function packageSchema(
  version: string,
  config: z.ZodRawShape,
  resources: Record<string, Described>,
  secrets: { config: string[]; properties: string[] },
): object {
  const variables = properties(config, secrets.config);
  return {
    name: "pgaccess",
    version,
    description: "Ownership, privileges, settings and the connection budget of a Postgres or TimescaleDB server.",
    license: "Apache-2.0",
    config: { variables },
    provider: { inputProperties: variables, requiredInputs: required(config) },
    functions: {
      "pgaccess:index:awaitRole": {
        description: "Waits until no other session is changing a role; called by AppRole before it changes the role.",
        inputs: { properties: { role: { type: "string" } }, required: ["role"] },
        outputs: { properties: {} },
      },
      "pgaccess:index:bringContainerBack": {
        description:
          "Starts the container again that made room for a service's own, when that could not be made; called by Service.",
        inputs: {
          properties: Object.fromEntries(
            ["service", "name", "stack", "dockerHost"].map((key) => [key, { type: "string" }]),
          ),
          required: ["service", "name", "stack"],
        },
        outputs: { properties: { broughtBack: { type: "boolean" } }, required: ["broughtBack"] },
      },
      "pgaccess:index:dropLeftoverRole": {
        description: "Drops a role that a killed run left behind bare; called by AppRole before it makes the role.",
        inputs: { properties: { role: { type: "string" }, memberOf: { type: "string" } }, required: ["role"] },
        outputs: { properties: { dropped: { type: "boolean" } }, required: ["dropped"] },
      },
    },
    resources: Object.fromEntries(
      Object.entries(resources).map(([token, { description, shape, observed = [], decided = [] }]) => {
        const inputProperties = properties(shape, secrets.properties);
        const made = Object.fromEntries([
          ...[...observed, ...decided].map((key) => [key, anything]),
          ["changes", plan],
        ]);
        const requiredInputs = required(shape);
        return [
          token,
          {
            description,
            inputProperties,
            requiredInputs,
            properties: { ...inputProperties, ...made },
            required: [...requiredInputs, ...Object.keys(made)],
          },
        ];
      }),
    ),
  };
}

function properties(shape: z.ZodRawShape, secrets: string[]): Record<string, Property> {
  return Object.fromEntries(
    Object.entries(shape).map(([key, schema]) => {
      const json = z.toJSONSchema(schema as z.ZodType, { io: "input", unrepresentable: "any" }) as JsonSchema;
      return [key, { ...toProperty(json), ...(secrets.includes(key) && { secret: true }) }];
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
