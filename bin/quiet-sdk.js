import { createRequire } from "node:module";

// @pulumi/pulumi sends four debug messages per resource to the engine, one of them with all outputs, each in a call of its own and
// whether or not --debug shows them. The engine has its own.
const require = createRequire(createRequire(import.meta.url).resolve("@pulumi/pulumi"));
require("./log").debug = () => Promise.resolve();
