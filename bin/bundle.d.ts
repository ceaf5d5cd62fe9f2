export function bundleOr(root: URL, name: "program" | "plugin" | "policies", source: URL): URL;
