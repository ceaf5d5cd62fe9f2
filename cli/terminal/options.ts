import { UsageError } from "./command.ts";

/** Reads a command line; what is wrong with it becomes a UsageError. */
export function reading<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** The one word that a command is about. Throws when there is none, or more than one. @param what it is, such as `service` */
export function onlyWord(positionals: string[], what: string): string {
  const [word, ...more] = positionals;
  if (word === undefined || more.length > 0) throw new Error(`expected one ${what}`);
  return word;
}
