/** One problem of the stack's configuration. */
export interface Problem {
  /** Where, as `pulumi config --path` spells it: `app-roles:roles.dashboard_app.connectionLimit`. */
  path: string;
  /** The expected and the found value, never that of a secret. */
  message: string;
}

/** A refused configuration, with all its problems; the message has one per line. */
export class ConfigError extends Error {
  readonly problems: Problem[];
  constructor(problems: Problem[]) {
    const lines = problems.map(({ path, message }) => `  ${path}: ${message}`);
    super(
      `the stack's configuration has ${problems.length === 1 ? "a problem" : `${problems.length} problems`}:\n${lines.join("\n")}`,
    );
    this.name = "ConfigError";
    this.problems = problems;
  }
}

/** Adds a problem at a path, unless the message is undefined. */
export type At = (...path: PropertyKey[]) => { refuse(message: string | undefined): void };
