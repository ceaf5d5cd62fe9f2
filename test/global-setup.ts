import { findEngine } from "../sandbox/engine/engine.ts";

/** Builds the engine before the first test where it has to be built: that takes minutes, and no test's timeout would do. */
export default async function setup(): Promise<void> {
  await findEngine();
}
