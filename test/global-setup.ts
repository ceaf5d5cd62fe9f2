import { findEngine } from "../sandbox/engine/engine.ts";

/** Builds the engine, if necessary, before the first test: it takes minutes, longer than any test's timeout. */
export default async function setup(): Promise<void> {
  await findEngine();
}
