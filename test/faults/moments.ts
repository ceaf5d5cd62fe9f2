/** What is killed: the engine, our plugin, or all sessions of the server, as in a crash. */
export type Victim = "engine" | "plugin" | "server";
export type Operation = "up" | "cutover" | "rotate" | "rollback" | "destroy";

/** One kill -9 in the middle of one command. */
export interface Moment {
  operation: Operation;
  victim: Victim;
  /** Milliseconds after the command was started. */
  after: number;
}

const victims: Victim[] = ["engine", "plugin", "server"];
const operations: Operation[] = ["up", "cutover", "rotate", "rollback", "destroy"];

/** Reproducible by seed: each operation and each victim in turn, at a random time. */
export function moments(seed: number, count: number): Moment[] {
  const random = mulberry32(seed);
  return Array.from({ length: count }, (_, index) => ({
    operation: operations[index % operations.length] as Operation,
    victim: victims[Math.floor(random() * victims.length)] as Victim,
    after: Math.round(300 + random() * 4200),
  }));
}

/** Numbers from 0 to 1; Tommy Ettinger's generator, in the public domain. */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
