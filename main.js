// Checks the Node version before it loads the TypeScript of index.ts.
import "./bin/require-node.js";
import "./bin/compile-cache.js";
import "./bin/lazy-modules.js";
import "./bin/quiet-sdk.js";
import { bundleOr } from "./bin/bundle.js";
import { recordStart } from "./bin/timing.js";

recordStart();

// Pulumi maps stack traces of compiled programs back to their TypeScript; Node's type stripping keeps all positions.
Reflect.deleteProperty(Error, "prepareStackTrace");

export const { databaseUrls, connectionBudget, services, roles } = await import(
  bundleOr(new URL(".", import.meta.url), "program", new URL("index.ts", import.meta.url))
);
