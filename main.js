// What Pulumi runs: a Node that is too old is told so before it comes to the TypeScript of index.ts.
import "./bin/require-node.js";

export const { databaseUrls, connectionBudget, services, roles } = await import("./index.ts");
