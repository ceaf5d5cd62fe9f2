import { randomInt } from "node:crypto";
import { genSalt, hash } from "bcryptjs";
import { z } from "zod";
import type { ResourceType } from "../../../provider/rpc/provider.ts";
import {
  type PropertyMap,
  type PropertyValue,
  reveal,
  Secret,
  Unknown,
  unknown,
} from "../../../provider/rpc/values.ts";
import { checkInputs, orUnknown, readInputs, withoutNulls } from "../inputs.ts";
import { differ, keepers } from "./keepers.ts";

const flag = orUnknown(z.boolean()).optional();
const atLeast = orUnknown(z.int().min(0)).optional();

const schema = z
  .strictObject({
    /** Characters, from 1 on. */
    length: orUnknown(z.int().min(1)),
    lower: flag,
    upper: flag,
    numeric: flag,
    /** The former name of `numeric`. */
    number: flag,
    special: flag,
    minLower: atLeast,
    minUpper: atLeast,
    minNumeric: atLeast,
    minSpecial: atLeast,
    /** The characters that `special` stands for. */
    overrideSpecial: orUnknown(z.string()).optional(),
    keepers,
  })
  .superRefine(({ length, lower, upper, special, ...given }, { addIssue }) => {
    const refuse = (path: string, message: string) => addIssue({ code: "custom", path: [path], message });
    const parts = ["minUpper", "minLower", "minNumeric", "minSpecial"] as const;
    const sum = parts.map((part) => given[part]).reduce<number>((all, part) => all + (Number(part) || 0), 0);
    if (typeof length === "number" && length < sum) {
      refuse("length", `must be at least the sum of ${parts.join(", ")}, which is ${sum}`);
    }
    for (const key of ["numeric", "number"] as const) {
      const none = [special, upper, lower].every((other) => other === false);
      if (none && given[key] !== undefined && given[key] !== true) {
        refuse(key, "at least one of special, upper, lower and it must be true");
      }
    }
    const { numeric, number } = given;
    if (numeric !== undefined && number !== undefined && (numeric === true) !== (number === true)) {
      refuse("number", "number and numeric have different values: number is deprecated, use numeric alone");
    }
  });

/** What an input that is not given stands for. */
const defaults = {
  lower: true,
  upper: true,
  special: true,
  minLower: 0,
  minUpper: 0,
  minNumeric: 0,
  minSpecial: 0,
};
const characters = {
  lower: "abcdefghijklmnopqrstuvwxyz",
  upper: "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
  numeric: "0123456789",
  special: "!@#$%&*()-_=+[]{}<>:?",
};

/** Of every password: nothing that the id says is worth hiding. */
const id = "none";

/**
 * `random.RandomPassword` as @pulumi/random 4.21 has it (terraform-provider-random): a change of an input makes another
 * one, refresh asks nobody, and the id says nothing. An imported one is taken from its id, the password in clear.
 */
export const randomPassword: ResourceType = {
  async check(call, { news }) {
    const { number } = withoutNulls(news);
    if (number !== undefined) call.report.warn('property "number" is deprecated: use "numeric" instead');
    return { inputs: news, failures: checkInputs(schema, news) };
  },

  async diff(_call, { olds, news }) {
    const after = complete(news);
    const changed = Object.keys(schema.shape).filter((key) => differ(olds[key], after[key]));
    const replaces = changed.filter((key) => key !== "overrideSpecial" || replacesSpecial(olds[key], after[key]));
    return { changes: changed.length > 0, replaces };
  },

  async create(_call, { inputs, preview }) {
    if (preview) return { id: "", outputs: { ...complete(inputs), ...secrets(unknown, unknown) } };
    const password = draw(complete(inputs));
    return { id, outputs: { ...complete(inputs), id, ...secrets(password, await bcrypt(password)) } };
  },

  async update(_call, { olds, news }) {
    return { outputs: { ...complete(news), id, ...secrets(olds.result ?? null, olds.bcryptHash ?? null) } };
  },

  async read(_call, { id: given, inputs, olds }) {
    if (Object.keys(olds).length > 0) return { id, inputs, outputs: olds };
    const length = Buffer.byteLength(given);
    const imported = { length, lower: true, upper: true, numeric: true, number: true, special: true };
    return {
      id,
      inputs: imported,
      outputs: { ...complete(imported), id, ...secrets(given, await bcrypt(given)) },
    };
  },

  async delete() {
    // Nothing but the state holds it.
  },
};

function complete(inputs: PropertyMap): PropertyMap {
  const given = withoutNulls(inputs);
  const numeric = given.numeric ?? given.number ?? true;
  return { ...defaults, ...given, numeric, number: numeric };
}

/** A list that is not known yet, and an empty one that is left out, change it in place. */
function replacesSpecial(before: PropertyValue | undefined, after: PropertyValue | undefined): boolean {
  if (reveal(after ?? null) instanceof Unknown) return false;
  return (after ?? null) !== null || reveal(before ?? null) !== "";
}

function draw(inputs: PropertyMap): string {
  const { length, ...given } = readInputs(schema, inputs);
  const sets = { ...characters, special: String(given.overrideSpecial || characters.special) };
  const allowed = (["upper", "lower", "numeric", "special"] as const).filter((set) => given[set] === true);
  const drawn = [
    ...pick(sets.lower, Number(given.minLower)),
    ...pick(sets.upper, Number(given.minUpper)),
    ...pick(sets.numeric, Number(given.minNumeric)),
    ...pick(sets.special, Number(given.minSpecial)),
  ];
  drawn.push(...pick(allowed.map((set) => sets[set]).join(""), Number(length) - drawn.length));
  return shuffled(drawn).join("");
}

function pick(from: string, count: number): string[] {
  const runes = [...from];
  return Array.from({ length: count }, () => runes[randomInt(runes.length)] as string);
}

function shuffled(list: string[]): string[] {
  const rest = [...list];
  return list.map(() => rest.splice(randomInt(rest.length), 1)[0] as string);
}

/** Like the official one's, of the first 72 bytes and of the version 2a (Go's x/crypto/bcrypt). */
async function bcrypt(password: string): Promise<string> {
  return hash(password, (await genSalt(10)).replace("$2b$", "$2a$"));
}

function secrets(result: PropertyValue, bcryptHash: PropertyValue): PropertyMap {
  return { result: new Secret(reveal(result)), bcryptHash: new Secret(reveal(bcryptHash)) };
}
