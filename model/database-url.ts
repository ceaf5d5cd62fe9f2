/** Not a Postgres URL, or an ambiguous one. The message never contains the URL, which has a password. */
export class DatabaseUrlError extends Error {
  override readonly name = "DatabaseUrlError";
}

/** The parts of a Postgres URL; joined, they are the URL byte for byte. */
interface Parts {
  /** Scheme and slashes: `postgresql://`. */
  start: string;
  /** User and password as written, without the `@`; undefined without an `@`. */
  userinfo: string | undefined;
  /** Hosts and ports, path. */
  hostsAndPath: string;
  /** From the `?` on; empty without one. */
  query: string;
}

/** What a legacy URL is derived from. */
export interface Login {
  /** Host name, IPv4 or IPv6 address, or the directory of a Unix socket. */
  host: string;
  port: number;
  user: string;
  password: string | undefined;
  database: string;
}

/** The legacy URL of a service without a configured one: the server's address, the admin's login. */
export function makeDatabaseUrl({ host, port, user, password, database }: Login): string {
  const userinfo = password === undefined ? encoded(user) : `${encoded(user)}:${encoded(password)}`;
  return `postgresql://${userinfo}@${urlHost(host)}:${port}/${encodedDatabase(database)}`;
}

/**
 * The URL with which a role logs in: the legacy URL with user and password replaced, in its userinfo and in its parameters
 * `user` and `password`, which take precedence in libpq; all other bytes are kept.
 */
export function roleUrl(legacyUrl: string, role: string, password: string): string {
  const { start, hostsAndPath, query } = split(legacyUrl);
  const replaced = query
    .replace(parameter("user"), (_, key: string) => `${key}${encoded(role)}`)
    .replace(parameter("password"), (_, key: string) => `${key}${encoded(password)}`);
  return `${start}${encoded(role)}:${encoded(password)}@${hostsAndPath}${replaced}`;
}

/** The URL without user and password; `roleUrl` returns the same for it as for the complete URL. */
export function withoutLogin(url: string): string {
  const { start, hostsAndPath, query } = split(url);
  return `${start}${hostsAndPath}${query.replace(parameter("user"), "$1").replace(parameter("password"), "$1")}`;
}

/** The user that a URL logs in as; undefined if it names none. */
export function databaseUrlUser(url: string): string | undefined {
  const { userinfo, query } = split(url);
  const named = lastParameter(query, "user") ?? userinfo?.split(":", 1)[0];
  return named ? decoded(named) : undefined;
}

/** The password that a URL logs in with; undefined if it has none. */
export function databaseUrlPassword(url: string): string | undefined {
  const { userinfo, query } = split(url);
  const colon = userinfo?.indexOf(":") ?? -1;
  const named = lastParameter(query, "password") ?? (colon < 0 ? undefined : userinfo?.slice(colon + 1));
  return named ? decoded(named) : undefined;
}

/** The only host that a URL names, and its port; undefined if it names none or several, or has them in its parameters. */
export function databaseUrlAddress(url: string): { host: string; port: number } | undefined {
  const { hostsAndPath, query } = split(url);
  if (/[?&](host|hostaddr|port)=/.test(query)) return undefined;
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:,/[\]]+))(?::(\d+))?(?:\/|$)/.exec(hostsAndPath) ?? [];
  const host = bracketed ?? plain;
  return host === undefined ? undefined : { host: decoded(host), port: Number(port ?? 5432) };
}

/** The URL with `next` as its password, all other bytes kept; undefined if it does not log in as `user` with `previous`. */
export function withNewPassword(url: string, user: string, previous: string, next: string): string | undefined {
  try {
    if (databaseUrlUser(url) !== user || databaseUrlPassword(url) !== previous) return undefined;
  } catch (error) {
    if (error instanceof DatabaseUrlError) return undefined;
    throw error;
  }
  const { start, userinfo, hostsAndPath, query } = split(url);
  const replaced = query.replace(parameter("password"), (_, key: string) => `${key}${encoded(next)}`);
  const login = userinfo?.replace(/:.*/s, () => `:${encoded(next)}`);
  return `${start}${login === undefined ? "" : `${login}@`}${hostsAndPath}${replaced}`;
}

/** The database that a URL names; undefined if it names none (libpq then uses the user's name). */
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
      "it has an @ or # after the host, or a / in its password; percent-encode it (%40, %23, %2F)",
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

/** Percent-encoded so that drivers and shells interpret no character. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

/**
 * A path may contain these unencoded, and Node's `pg` does not decode them there (decodeURI): `%24` would be another database.
 * Nor does it decode `%2F`, `%3F`, `%23` and `%40`, but those have no other form that every driver reads.
 */
function encodedDatabase(database: string): string {
  return encoded(database).replace(/%(?:24|26|2B|2C|3A|3B|3D)/g, decodeURIComponent);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new DatabaseUrlError("it has a % that does not start a percent-encoding; write it as %25");
  }
}
