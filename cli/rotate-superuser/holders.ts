import { DatabaseUrlError, databaseUrlUser } from "../../model/database-url.ts";
import type { Environment, Environments } from "../../provider/docker/environments.ts";
import type { Finding } from "./finding.ts";

/** The containers and services whose environment or command line holds the password or a URL of the user. */
export function holders({ all }: Environments, user: string, password: string | undefined): Finding[] {
  return all.flatMap((environment) => {
    const places = placesIn(environment, user, password);
    if (places.length === 0) return [];
    const { kind, name, state } = environment;
    const found = places.map(({ place, held }) => inWords(place, held, user)).join("; ");
    return [{ name: `${kind}/${name}`, found: state ? `${found} (${state})` : found, afterwards: consequence(places) }];
  });
}

interface Place {
  /** The name of a variable, or the command line. */
  place: string;
  held: "password" | "login";
}

function placesIn({ env, command }: Environment, user: string, password: string | undefined): Place[] {
  const variables = env.map((variable) => {
    const [, place = "", value = ""] = /^([^=]*)=?(.*)$/s.exec(variable) ?? [];
    return { place, value };
  });
  const words = command.map((value) => ({ place: "its command line", value }));
  return [...variables, ...words].flatMap(({ place, value }): Place[] => {
    if (password !== undefined && holds(value, password)) return [{ place, held: "password" }];
    return logsInAs(value, user) ? [{ place, held: "login" }] : [];
  });
}

/** Whether a text contains a password, plain or percent-encoded. */
export function holds(text: string, password: string): boolean {
  return password !== "" && (text.includes(password) || decoded(text).includes(password));
}

/** Whether a text is a Postgres URL of this user. */
export function logsInAs(text: string, user: string): boolean {
  try {
    return databaseUrlUser(text) === user;
  } catch (error) {
    if (error instanceof DatabaseUrlError) return false;
    throw error;
  }
}

/** Decodes valid percent-encoded parts only. */
function decoded(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (encoded) => {
    try {
      return decodeURIComponent(encoded);
    } catch {
      return encoded;
    }
  });
}

function inWords(place: string, held: Place["held"], user: string): string {
  return held === "password"
    ? `${place} holds this password`
    : `${place} logs in as ${user}, with another password or none`;
}

function consequence(places: Place[]): string {
  if (!places.some(({ held }) => held === "password")) {
    return "its next logins fail if it connects to this server and has the password from elsewhere";
  }
  return places.some(({ place }) => place === "POSTGRES_PASSWORD")
    ? "its next logins with it fail; a Postgres image reads POSTGRES_PASSWORD only at its first start"
    : "its next logins with it fail until it is restarted with the new password";
}
