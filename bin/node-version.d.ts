/** Node strips the types of the program by itself from here on: major, minor. */
export const oldestNode: [number, number];
/** What is wrong with a Node of this version (`v20.20.2`), in one line; undefined: nothing. */
export function nodeProblem(version: string): string | undefined;
