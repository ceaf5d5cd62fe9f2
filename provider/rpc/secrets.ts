import { type PropertyValue, Secret, Unknown } from "./values.ts";

/** Shorter ones would blot out ordinary words and give themselves away by their absence. */
const shortest = 6;

/**
 * Remembers every secret text that came in and blots it out of texts that go out. Defence in depth: no message is
 * meant to hold one.
 */
export class Secrets {
  private readonly texts = new Set<string>();

  /** Remembers the texts under `Secret` marks anywhere in the value. */
  learn(value: PropertyValue, secret = false): void {
    if (value instanceof Secret) this.learn(value.value, true);
    else if (typeof value === "string") {
      if (secret) this.add(value);
    } else if (Array.isArray(value)) {
      for (const item of value) this.learn(item, secret);
    } else if (typeof value === "object" && value !== null && !(value instanceof Unknown)) {
      for (const item of Object.values(value)) this.learn(item, secret);
    }
  }

  /** The text with every remembered secret replaced by `[secret]`. */
  scrub(text: string): string {
    // The longest first: one secret may hold another, as a URL does its password.
    const known = [...this.texts].sort((a, b) => b.length - a.length);
    return known.reduce((rest, secret) => rest.replaceAll(secret, "[secret]"), text);
  }

  private add(text: string): void {
    const password = URL.canParse(text) ? new URL(text).password : "";
    for (const part of [text, password, decode(password)]) {
      if (part.length >= shortest) this.texts.add(part);
    }
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a stray percent sign: it was not encoded
  }
}
