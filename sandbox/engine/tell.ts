/** Tells the person at the terminal what takes time. */
export type Tell = (line: string) => void;
