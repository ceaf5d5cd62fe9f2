/** What a log line that fails the gate looks like, and what it means. */
export interface LogPattern {
  pattern: RegExp;
  meaning: string;
}

/** What Postgres tells a client that lacks something as its new role (PostgreSQL's own messages, in English). */
const refusals: LogPattern[] = [
  { pattern: /permission denied/i, meaning: "its role lacks a privilege" },
  { pattern: /must be owner/i, meaning: "its role does not own what it alters" },
  { pattern: /too many connections for role/i, meaning: "its role's connection limit is reached" },
  { pattern: /password authentication failed/i, meaning: "its login is refused" },
  { pattern: /no pg_hba\.conf entry/i, meaning: "pg_hba.conf does not let its role in from there" },
  { pattern: /role ".*" does not exist/i, meaning: "its role is missing on the server it dials" },
  { pattern: /is not permitted to log in/i, meaning: "its role may not log in" },
  { pattern: /idle-session timeout/i, meaning: "its idle sessions are ended by idle_session_timeout" },
];

/** What migration tools print when a migration failed. */
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
  /** Regular expressions on top of the built-in ones. */
  patterns: string[];
  /** Regular expressions of lines that are well in spite of a pattern. */
  ignore: string[];
}

/** Why a log line fails the gate; undefined when it does not. */
export function logCheck({ migrates, patterns, ignore }: LogRules): (line: string) => string | undefined {
  const own = patterns.map((each) => ({ pattern: new RegExp(each), meaning: `gate.patterns: ${each}` }));
  const all = [...refusals, ...(migrates ? failedMigrations : []), ...own];
  const well = ignore.map((each) => new RegExp(each));
  return (line) => {
    if (well.some((pattern) => pattern.test(line))) return undefined;
    return all.find(({ pattern }) => pattern.test(line))?.meaning;
  };
}
