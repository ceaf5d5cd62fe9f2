import { findEngine } from "../sandbox/engine/engine.ts";
import { startPluginHost } from "../sandbox/plugin-host/start.ts";

/**
 * Builds the engine, if necessary, before the first test: it takes minutes, longer than any test's timeout. Starts the process
 * in which the stand-ins of all tests run.
 */
export default async function setup(): Promise<() => Promise<void>> {
  await findEngine();
  const host = await startPluginHost();
  return () => host.stop();
}
