/** A URL is no Postgres URL, or cannot be read without guessing. The message never holds the URL: it has a password. */
export class DatabaseUrlError extends Error {
  override readonly name = "DatabaseUrlError";
}

/** A Postgres URL cut where it must be changed: `start` + userinfo + `rest` is the URL, byte for byte. */
interface Parts {
  /** Scheme and slashes: `postgresql://`. */
  start: string;
  /** User and password as written, without the `@`; undefined when there is no `@`. */
  userinfo: string | undefined;
  /** Hosts and ports, path. */
  hostsAndPath: string;
  /** From the `?` on; empty without one. */
  query: string;
}

/** What a made legacy URL is made of. */
export interface Login {
  /** Host name, IPv4 or IPv6 address, or the directory of a Unix socket. */
  host: string;
  port: number;
  user: string;
  password: string | undefined;
  database: string;
}

/** The URL a service has today where none is given: the server's address, the admin's login. */
export function makeDatabaseUrl({ host, port, user, password, database }: Login): string {
  const userinfo = password === undefined ? encoded(user) : `${encoded(user)}:${encoded(password)}`;
  return `postgresql://${userinfo}@${urlHost(host)}:${port}/${encodedDatabase(database)}`;
}

/**
 * The URL with which a role logs in: the legacy URL with user and password replaced, in its userinfo and, where they
 * stand there (libpq lets them win), in its parameters `user` and `password`; all other bytes are kept.
 */
export function roleUrl(legacyUrl: string, role: string, password: string): string {
  const { start, hostsAndPath, query } = split(legacyUrl);
  const replaced = query
    .replace(parameter("user"), (_, key: string) => `${key}${encoded(role)}`)
    .replace(parameter("password"), (_, key: string) => `${key}${encoded(password)}`);
  return `${start}${encoded(role)}:${encoded(password)}@${hostsAndPath}${replaced}`;
}

/** The URL without user and password; the URL of a role that is made of it is the same as the one made of the whole. */
export function withoutLogin(url: string): string {
  const { start, hostsAndPath, query } = split(url);
  return `${start}${hostsAndPath}${query.replace(parameter("user"), "$1").replace(parameter("password"), "$1")}`;
}

/** The user that a URL logs in as; undefined when it names none. */
export function databaseUrlUser(url: string): string | undefined {
  const { userinfo, query } = split(url);
  const named = lastParameter(query, "user") ?? userinfo?.split(":", 1)[0];
  return named ? decoded(named) : undefined;
}

/** The password that a URL logs in with; undefined when it has none. */
export function databaseUrlPassword(url: string): string | undefined {
  const { userinfo, query } = split(url);
  const colon = userinfo?.indexOf(":") ?? -1;
  const named = lastParameter(query, "password") ?? (colon < 0 ? undefined : userinfo?.slice(colon + 1));
  return named ? decoded(named) : undefined;
}

/** The one host that a URL names, and its port; undefined when it names none, or several, or has them in its parameters. */
export function databaseUrlAddress(url: string): { host: string; port: number } | undefined {
  const { hostsAndPath, query } = split(url);
  if (/[?&](host|hostaddr|port)=/.test(query)) return undefined;
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:,/[\]]+))(?::(\d+))?(?:\/|$)/.exec(hostsAndPath) ?? [];
  const host = bracketed ?? plain;
  return host === undefined ? undefined : { host: decoded(host), port: Number(port ?? 5432) };
}

/**
 * The URL with `next` as its password where it logs in as `user` with `former`, all other bytes kept; undefined where it does not.
 */
export function withNewPassword(url: string, user: string, former: string, next: string): string | undefined {
  try {
    if (databaseUrlUser(url) !== user || databaseUrlPassword(url) !== former) return undefined;
  } catch (error) {
    if (error instanceof DatabaseUrlError) return undefined;
    throw error;
  }
  const { start, userinfo, hostsAndPath, query } = split(url);
  const replaced = query.replace(parameter("password"), (_, key: string) => `${key}${encoded(next)}`);
  const login = userinfo?.replace(/:.*/s, () => `:${encoded(next)}`);
  return `${start}${login === undefined ? "" : `${login}@`}${hostsAndPath}${replaced}`;
}

/** The database that a URL names; undefined when it names none (libpq then takes one named like the user). */
export function databaseUrlDatabase(url: string): string | undefined {
  const { hostsAndPath, query } = split(url);
  const slash = hostsAndPath.indexOf("/");
  const named = lastParameter(query, "dbname") ?? (slash < 0 ? "" : hostsAndPath.slice(slash + 1));
  return named ? decoded(named) : undefined;
}

function split(url: string): Parts {
  const scheme = /^(postgres(?:ql)?(?:\+\w+)?:\/\/)(.*)$/is.exec(url);
  if (!scheme) throw new DatabaseUrlError("it does not start with postgresql:// or postgres://");
  const [, start = "", remainder = ""] = scheme;
  if (/\s/.test(remainder)) throw new DatabaseUrlError("it has a space or line break; percent-encode it (%20)");
  const slash = remainder.indexOf("/");
  const beforePath = slash < 0 ? remainder : remainder.slice(0, slash);
  const at = beforePath.lastIndexOf("@");
  if (/[?#]/.test(beforePath.slice(0, Math.max(at, 0)))) {
    throw new DatabaseUrlError(
      "it has a ? or # before the @, which drivers read differently; percent-encode it (%3F, %23)",
    );
  }
  const rest = remainder.slice(at + 1);
  const question = rest.indexOf("?");
  const hostsAndPath = question < 0 ? rest : rest.slice(0, question);
  if (/[@#]/.test(hostsAndPath)) {
    throw new DatabaseUrlError(
      "it has an @ or # behind the host, or a / in its password; percent-encode it (%40, %23, %2F)",
    );
  }
  return {
    start,
    userinfo: at < 0 ? undefined : beforePath.slice(0, at),
    hostsAndPath,
    query: question < 0 ? "" : rest.slice(question),
  };
}

function parameter(name: string): RegExp {
  return new RegExp(`([?&]${name}=)[^&#]*`, "g");
}

function lastParameter(query: string, name: string): string | undefined {
  return [...query.matchAll(parameter(name))].at(-1)?.[0].slice(name.length + 2);
}

function urlHost(host: string): string {
  if (host.startsWith("/")) return encoded(host);
  return host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
}

/** Percent-encoded so that no driver and no shell reads a character of it as anything else. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

/**
 * A path may hold these as they are, and Node's `pg` does not decode them there (decodeURI): `%24` would be another database.
 * It decodes no `%2F`, `%3F`, `%23` and `%40` either, which have no other form in a URL that every driver reads.
 */
function encodedDatabase(database: string): string {
  return encoded(database).replace(/%(?:24|26|2B|2C|3A|3B|3D)/g, decodeURIComponent);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new DatabaseUrlError("it has a % that starts no percent-encoding; write it as %25");
  }
}
