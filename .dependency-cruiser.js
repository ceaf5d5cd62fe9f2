/**
 * The layers of docs/architecture.md as rules for `depcruise`: an import points down or sideways, never up, and never in a cycle.
 * The layers above the plugin import its contracts without loading it.
 */
const folder = (name) => `^${name}/`;
const contract = ["^provider/.*contracts?\\.ts$", "^provider/configuration\\.ts$"];

export default {
  forbidden: [
    {
      name: "no-circles",
      comment: "A cycle, of types too, means that two modules are one.",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "nothing-from-sandbox",
      comment: "The sandbox replaces the user's environment; the product does not depend on it.",
      severity: "error",
      from: { pathNot: "^(sandbox|test|bench)/" },
      to: { path: folder("(sandbox|test|bench)") },
    },
    {
      name: "model-is-pure",
      comment: "The domain imports neither I/O nor Pulumi nor our other code.",
      severity: "error",
      from: { path: folder("model") },
      to: { pathNot: ["^model/", "^node_modules/(zod|yaml)/", "^node:crypto$", "^crypto$"] },
    },
    {
      name: "config-below-components",
      comment: "Reading the stack file needs no component, command or policy.",
      severity: "error",
      from: { path: folder("config") },
      to: { path: folder("(components|cli|policies)") },
    },
    {
      name: "components-read-contracts",
      comment: "A program loads only contracts of the plugin, and only declared.ts of the policies.",
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
      comment: "The policy pack loads only the domain and the contracts.",
      severity: "error",
      from: { path: folder("policies") },
      to: { path: folder("(provider|cli|components|config)"), pathNot: contract },
    },
    {
      name: "provider-knows-no-program",
      comment: "The plugin receives everything as inputs.",
      severity: "error",
      from: { path: folder("provider") },
      to: { path: folder("(config|components|cli|policies)") },
    },
    {
      name: "protocol-knows-no-postgres",
      comment: "provider/rpc contains only Pulumi's protocol.",
      severity: "error",
      from: { path: folder("provider/rpc") },
      to: { path: "^(provider|model)/", pathNot: folder("provider/rpc") },
    },
    {
      name: "postgres-and-docker-are-the-bottom",
      comment: "The base of all resources depends on none of them.",
      severity: "error",
      from: { path: folder("provider/(postgres|docker)") },
      to: { path: folder("provider"), pathNot: ["^provider/(postgres|docker|rpc)/", "^provider/reconciler\\.ts$"] },
    },
    {
      name: "contracts-are-light",
      comment: "Every program loads the contracts, so they import no client and no plan.",
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
