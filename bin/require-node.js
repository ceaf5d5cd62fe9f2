import { nodeProblem } from "./node-version.js";

const problem = nodeProblem(process.versions.node);
// Marked like Pulumi's RunError, so that Pulumi prints only the message.
if (problem !== undefined) throw Object.assign(new Error(problem), { __pulumiRunError: true });
