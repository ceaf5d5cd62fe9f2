import { randomBytes as draw } from "node:crypto";
import { z } from "zod";
import type { ResourceType } from "../../../provider/rpc/provider.ts";
import { type PropertyMap, reveal, Secret, unknown } from "../../../provider/rpc/values.ts";
import { checkInputs, orUnknown, readInputs } from "../inputs.ts";

/** A change of any keeper replaces the resource. */
export const keepers = orUnknown(z.record(z.string(), orUnknown(z.string().nullable()))).optional();

/** Treats null, missing and empty entries as equal, since Terraform does not store them. */
export function differ(before: PropertyMap[string] | undefined, after: PropertyMap[string] | undefined): boolean {
  return JSON.stringify(normal(before)) !== JSON.stringify(normal(after));
}

function normal(value: PropertyMap[string] | undefined): unknown {
  const plain = reveal(value ?? null);
  if (typeof plain !== "object" || plain === null) return plain;
  const entries = Object.entries(plain).filter(([, entry]) => entry !== null);
  return entries.length === 0 ? null : entries.sort(([a], [b]) => (a < b ? -1 : 1));
}

const schema = z.strictObject({
  /** Number of bytes, at least 1. */
  length: orUnknown(z.int().min(1)),
  keepers,
});

/**
 * `random.RandomBytes` of @pulumi/random 4.21: every change of an input replaces the resource, a refresh reads only the
 * state, and the id contains the bytes in base64, unencrypted.
 */
export const randomBytes: ResourceType = {
  async check(_call, { news }) {
    return { inputs: news, failures: checkInputs(schema, news) };
  },

  async diff(_call, { olds, news }) {
    const replaces = ["length", "keepers"].filter((key) => differ(olds[key], news[key]));
    return { changes: replaces.length > 0, replaces };
  },

  async create(_call, { inputs, preview }) {
    if (preview) return { id: "", outputs: { ...inputs, base64: new Secret(unknown), hex: new Secret(unknown) } };
    const { length } = readInputs(schema, inputs);
    if (typeof length !== "number") throw new Error("length is unknown");
    const bytes = draw(length);
    return { id: bytes.toString("base64"), outputs: { ...inputs, ...forms(bytes) } };
  },

  async update() {
    throw new Error("a change of RandomBytes replaces it: there is nothing to update");
  },

  async read(_call, { id, inputs, olds }) {
    if (Object.keys(olds).length > 0) return { id, inputs, outputs: olds };
    const bytes = Buffer.from(id, "base64");
    if (bytes.length === 0 || bytes.toString("base64") !== id) {
      throw new Error("the id to import must be base64");
    }
    return { id, inputs: { length: bytes.length }, outputs: { length: bytes.length, ...forms(bytes) } };
  },

  async delete() {
    // They exist only in the state.
  },
};

function forms(bytes: Buffer): PropertyMap {
  return { base64: new Secret(bytes.toString("base64")), hex: new Secret(bytes.toString("hex")) };
}
