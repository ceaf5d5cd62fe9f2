import {
  DatabaseUrlError,
  databaseUrlAddress,
  databaseUrlDatabase,
  databaseUrlPassword,
  databaseUrlUser,
} from "../../model/database-url.ts";
import { shellWord } from "../../model/shell-word.ts";
import { latin1, shellSecret } from "./script.ts";

/** The argument that makes a script skip the login check. */
export const force = "--force";

/**
 * Tries a login with the legacy URL if psql is installed and the server answers: a service is not rolled back to a URL that the
 * server refuses, unless the script gets `--force`. The password is never in a process's arguments. Empty if psql cannot take
 * the URL.
 */
export function loginCheck(legacyUrl: string): string[] {
  const login = readLogin(legacyUrl);
  if (!login) return [];
  const { host, port, user, database, password } = login;
  const word = (text: string) => shellWord(latin1(text));
  return [
    "# Prints the error of psql for a login with the legacy URL; nothing if it works.",
    "legacy_login() (",
    shellSecret("PGPASSWORD", latin1(password)),
    `PGHOST=${word(host)}; PGPORT=${port}; PGUSER=${word(user)}; PGDATABASE=${word(database)}; PGCONNECT_TIMEOUT=2; LC_ALL=C`,
    "export PGPASSWORD PGHOST PGPORT PGUSER PGDATABASE PGCONNECT_TIMEOUT LC_ALL",
    "unset PGSERVICE PGHOSTADDR PGOPTIONS PGSSLMODE",
    "psql -X -w -A -t -c 'SELECT 1' </dev/null 2>&1 >/dev/null || true",
    ")",
    `if [ "\${1-}" != ${force} ]; then`,
    "  if command -v psql >/dev/null 2>&1; then",
    "    said=$(legacy_login)",
    '    case "$said" in',
    '      "") say "a login with its legacy URL works" ;;',
    "      *'password authentication failed'*|*'is not permitted to log in'*)",
    '        say "the server refuses a login with its legacy URL: $said" >&2',
    `        say "the service would not start with it. Set the right one in the stack (app-roles:serviceSecrets), or run this with ${force}" >&2`,
    "        exit 1 ;;",
    '      *) say "a login with its legacy URL could not be tried from here: $said" ;;',
    "    esac",
    "  else",
    '    say "a login with its legacy URL was not tried: psql is not installed"',
    "  fi",
    "fi",
  ];
}

function readLogin(url: string) {
  try {
    const [address, user, password] = [databaseUrlAddress(url), databaseUrlUser(url), databaseUrlPassword(url)];
    if (!address || user === undefined || password === undefined) return undefined;
    const login = { ...address, user, password, database: databaseUrlDatabase(url) ?? user };
    // A shell variable cannot hold these.
    return Object.values(login).some((text) => /[\0\n]/.test(String(text))) ? undefined : login;
  } catch (error) {
    if (error instanceof DatabaseUrlError) return undefined;
    throw error;
  }
}
