// Checks the Node version before it loads the TypeScript of index.ts.
import "./bin/require-node.js";
import module from "node:module";

module.enableCompileCache();
export const { databaseUrls, connectionBudget, services, roles } = await import("./index.ts");
