/** A pattern of log lines that fail the gate, and its meaning. */
export interface LogPattern {
  pattern: RegExp;
  meaning: string;
}

/** Errors that Postgres sends to a client whose new role lacks something (PostgreSQL's English messages). */
const refusals: LogPattern[] = [
  { pattern: /permission denied/i, meaning: "its role lacks a privilege" },
  { pattern: /must be owner/i, meaning: "its role does not own what it alters" },
  { pattern: /too many connections for role/i, meaning: "its role's connection limit is reached" },
  { pattern: /password authentication failed/i, meaning: "its login is refused" },
  { pattern: /no pg_hba\.conf entry/i, meaning: "pg_hba.conf does not allow its role from its address" },
  { pattern: /role ".*" does not exist/i, meaning: "its role does not exist on the server it connects to" },
  { pattern: /is not permitted to log in/i, meaning: "its role cannot log in" },
  { pattern: /idle-session timeout/i, meaning: "its idle sessions are ended by idle_session_timeout" },
];

/** Messages of migration tools for a failed migration. */
const failedMigrations: LogPattern[] = [
  { pattern: /alembic\.util\.exc\.|^FAILED: .*revision/, meaning: "Alembic: a migration failed" },
  { pattern: /migration (?:file ".*" )?failed/i, meaning: "a migration failed" }, // Knex, Liquibase ("Migration failed for changeset")
  { pattern: /migration of schema .* failed|Flyway\w*Exception/i, meaning: "Flyway: a migration failed" },
  { pattern: /dirty database version/i, meaning: "golang-migrate: an earlier migration failed halfway" },
  { pattern: /django\.db\.migrations\.exceptions\./, meaning: "Django: a migration failed" },
  { pattern: /\bP30(?:0[5-9]|1[0-9]|2[0-4])\b/, meaning: "Prisma Migrate: a migration failed" },
  { pattern: /all later migrations canceled/i, meaning: "Rails: a migration failed" },
  { pattern: /error during migration run/i, meaning: "TypeORM: a migration failed" },
];

export interface LogRules {
  migrates: boolean;
  /** Regular expressions in addition to the built-in ones. */
  patterns: string[];
  /** Regular expressions of lines that never fail the gate. */
  ignore: string[];
}

/** Returns why a log line fails the gate; undefined if it does not. */
export function logCheck({ migrates, patterns, ignore }: LogRules): (line: string) => string | undefined {
  const own = patterns.map((each) => ({ pattern: new RegExp(each), meaning: `gate.patterns: ${each}` }));
  const all = [...refusals, ...(migrates ? failedMigrations : []), ...own];
  const ignored = ignore.map((each) => new RegExp(each));
  return (line) => {
    if (ignored.some((pattern) => pattern.test(line))) return undefined;
    return all.find(({ pattern }) => pattern.test(line))?.meaning;
  };
}
