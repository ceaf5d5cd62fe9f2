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
import { differ, keepers } from "./random-bytes.ts";

const flag = orUnknown(z.boolean()).optional();
const atLeast = orUnknown(z.int().min(0)).optional();

const schema = z
  .strictObject({
    /** Number of characters, at least 1. */
    length: orUnknown(z.int().min(1)),
    lower: flag,
    upper: flag,
    numeric: flag,
    /** The deprecated name of `numeric`. */
    number: flag,
    special: flag,
    minLower: atLeast,
    minUpper: atLeast,
    minNumeric: atLeast,
    minSpecial: atLeast,
    /** The special characters to use. */
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

/** The values of omitted inputs. */
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

/** Every password has this id, so the id needs no encryption. */
const id = "none";

/**
 * `random.RandomPassword` of @pulumi/random 4.21 (terraform-provider-random): a change of an input replaces it, a refresh
 * reads only the state, and the id is constant. The id to import is the password itself.
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
    // It exists only in the state.
  },
};

function complete(inputs: PropertyMap): PropertyMap {
  const given = withoutNulls(inputs);
  const numeric = given.numeric ?? given.number ?? true;
  return { ...defaults, ...given, numeric, number: numeric };
}

/** An unknown overrideSpecial, and removing an empty one, is an update and no replacement. */
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

/** Hashes the first 72 bytes with version 2a, as the official plugin does (Go's x/crypto/bcrypt). */
async function bcrypt(password: string): Promise<string> {
  return hash(password, (await genSalt(10)).replace("$2b$", "$2a$"));
}

function secrets(result: PropertyValue, bcryptHash: PropertyValue): PropertyMap {
  return { result: new Secret(reveal(result)), bcryptHash: new Secret(reveal(bcryptHash)) };
}
