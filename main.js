// Checks the Node version before it loads the TypeScript of index.ts.
import "./bin/require-node.js";
import "./bin/compile-cache.js";

export const { databaseUrls, connectionBudget, services, roles } = await import("./index.ts");
