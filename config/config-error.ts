/** One thing wrong with the stack's configuration. */
export interface Problem {
  /** Where, as `pulumi config --path` spells it: `app-roles:roles.dashboard_app.connectionLimit`. */
  path: string;
  /** What was expected and what was found; never the value of a secret. */
  message: string;
}

/** The stack's configuration is refused; `problems` holds everything wrong with it, the message one problem a line. */
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
