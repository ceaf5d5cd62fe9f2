import log from "@pulumi/pulumi/log/index.js";

// @pulumi/pulumi sends four debug messages per resource to the engine, one of them with all outputs, each in a call of its own and
// whether or not --debug shows them. The engine has its own.
log.debug = () => Promise.resolve();
