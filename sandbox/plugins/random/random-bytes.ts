import { randomBytes as draw } from "node:crypto";
import { z } from "zod";
import type { ResourceType } from "../../../provider/rpc/provider.ts";
import { type PropertyMap, Secret, unknown } from "../../../provider/rpc/values.ts";
import { checkInputs, orUnknown, readInputs } from "../inputs.ts";
import { differ, keepers } from "./keepers.ts";

const schema = z.strictObject({
  /** How many bytes, from 1 on. */
  length: orUnknown(z.int().min(1)),
  keepers,
});

/**
 * `random.RandomBytes` as @pulumi/random 4.21 has it: every change of an input makes another resource, refresh asks
 * nobody, and the id is the bytes in base64, in clear.
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
    if (typeof length !== "number") throw new Error("length is not known");
    const bytes = draw(length);
    return { id: bytes.toString("base64"), outputs: { ...inputs, ...forms(bytes) } };
  },

  async update() {
    throw new Error("a change of RandomBytes makes another one: there is nothing to update");
  },

  async read(_call, { id, inputs, olds }) {
    if (Object.keys(olds).length > 0) return { id, inputs, outputs: olds };
    const bytes = Buffer.from(id, "base64");
    if (bytes.length === 0 || bytes.toString("base64") !== id) {
      throw new Error("the id to import must be the bytes in base64");
    }
    return { id, inputs: { length: bytes.length }, outputs: { length: bytes.length, ...forms(bytes) } };
  },

  async delete() {
    // Nothing but the state holds them.
  },
};

function forms(bytes: Buffer): PropertyMap {
  return { base64: new Secret(bytes.toString("base64")), hex: new Secret(bytes.toString("hex")) };
}
