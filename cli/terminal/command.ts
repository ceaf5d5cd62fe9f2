/** A subcommand of `app-roles`. */
export interface Command {
  /** One line for the list of commands. */
  summary: string;
  /** What `app-roles help COMMAND` prints. */
  usage: string;
  /** Resolves with the exit code: 0, or 1 when what was asked does not hold. Throws what is wrong with the request. */
  run(args: string[]): Promise<number>;
}

/** The command line is not one of this command's: its usage is printed with it. */
export class UsageError extends Error {}
