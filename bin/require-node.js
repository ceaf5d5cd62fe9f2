import { nodeProblem } from "./node-version.js";

const problem = nodeProblem(process.versions.node);
// Marked as Pulumi's RunError is, of which Pulumi prints the message alone.
if (problem !== undefined) throw Object.assign(new Error(problem), { __pulumiRunError: true });
