export function bundleOr(root: URL, name: "program" | "plugin", source: URL): URL;
