import { type PropertyValue, Secret, Unknown } from "./values.ts";

/** Shorter secrets would match ordinary words, and their replacement would reveal them. */
const minLength = 6;

/**
 * Records every secret text that the plugin receives and replaces it in every text that it sends. Defense in depth: no message should
 * contain one.
 */
export class Secrets {
  private readonly texts = new Set<string>();

  /** Records the texts under `Secret` marks at any depth. */
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

  /** The text with every recorded secret replaced by `[secret]`. */
  scrub(text: string): string {
    // The longest first: one secret can contain another, as a URL contains its password.
    const known = [...this.texts].sort((a, b) => b.length - a.length);
    return known.reduce((rest, secret) => rest.replaceAll(secret, "[secret]"), text);
  }

  private add(text: string): void {
    const password = URL.canParse(text) ? new URL(text).password : "";
    for (const part of [text, password, decode(password)]) {
      if (part.length >= minLength) this.texts.add(part);
    }
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a percent sign that encodes nothing
  }
}
