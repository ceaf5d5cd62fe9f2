/** Where a problem is, and the refusal of what is there. */
export type At = (...path: PropertyKey[]) => { refuse(message: string | undefined): void };
