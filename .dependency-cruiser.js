/**
 * The layers of docs/architecture.md, as rules for `depcruise`: an import points down or sideways, never up, and never in
 * a circle. Contracts are what a layer above may read of the plugin without loading it.
 */
const folder = (name) => `^${name}/`;
const contract = ["^provider/.*contracts?\\.ts$", "^provider/configuration\\.ts$"];

export default {
  forbidden: [
    {
      name: "no-circles",
      comment: "A circle, of types too, means that two things are one.",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "nothing-from-sandbox",
      comment: "The sandbox stands in for what a user brings; the product does not know it.",
      severity: "error",
      from: { pathNot: "^(sandbox|test|bench)/" },
      to: { path: folder("(sandbox|test|bench)") },
    },
    {
      name: "model-is-pure",
      comment: "The domain: no I/O, no Pulumi, nothing of ours.",
      severity: "error",
      from: { path: folder("model") },
      to: { pathNot: ["^model/", "^node_modules/(zod|yaml)/", "^node:crypto$", "^crypto$"] },
    },
    {
      name: "config-below-components",
      comment: "The stack file is read without a component, a command or a resource.",
      severity: "error",
      from: { path: folder("config") },
      to: { path: folder("(components|cli|policies)") },
    },
    {
      name: "components-read-contracts",
      comment: "Of the plugin a program loads the contracts alone, of the policies what they say of a declaration.",
      severity: "error",
      from: { path: folder("components") },
      to: {
        path: folder("(provider|cli|policies)"),
        pathNot: [...contract, "^policies/declared\\.ts$"],
        dependencyTypesNot: ["type-only"],
      },
    },
    {
      name: "policies-read-contracts",
      comment: "The policy pack loads the domain and the contracts alone.",
      severity: "error",
      from: { path: folder("policies") },
      to: { path: folder("(provider|cli|components|config)"), pathNot: contract },
    },
    {
      name: "provider-knows-no-program",
      comment: "The plugin is told what to do by its inputs.",
      severity: "error",
      from: { path: folder("provider") },
      to: { path: folder("(config|components|cli|policies)") },
    },
    {
      name: "protocol-knows-no-postgres",
      comment: "provider/rpc is Pulumi's protocol and nothing else.",
      severity: "error",
      from: { path: folder("provider/rpc") },
      to: { path: "^(provider|model)/", pathNot: folder("provider/rpc") },
    },
    {
      name: "postgres-and-docker-are-the-bottom",
      comment: "What every resource stands on knows none of them.",
      severity: "error",
      from: { path: folder("provider/(postgres|docker)") },
      to: { path: folder("provider"), pathNot: ["^provider/(postgres|docker|rpc)/", "^provider/reconciler\\.ts$"] },
    },
    {
      name: "contracts-are-light",
      comment: "A contract is loaded by every program: no client, no plan.",
      severity: "error",
      from: { path: contract },
      to: {
        path: "^(provider|node_modules/(pg|@grpc))/",
        pathNot: [...contract, "^provider/rpc/values\\.ts$"],
        dependencyTypesNot: ["type-only"],
      },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "(^|/)(dist|node_modules)/|^examples/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      extensions: [".ts", ".js", ".mjs", ".json"],
      conditionNames: ["import", "types", "node", "default"],
    },
  },
};
