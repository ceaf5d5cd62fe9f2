/** The part of a Pulumi package schema that the engine needs: the names of resources and functions. */
export function packageSchema(name: string, version: string, resources: object, functions: object = {}): object {
  return {
    name,
    version,
    // As in the official schemas: the module of random:index/randomPassword:RandomPassword is index.
    meta: { moduleFormat: "(.*)(?:/[^/]*)" },
    resources: withoutProperties(resources),
    functions: withoutProperties(functions),
  };
}

function withoutProperties(tokens: object): object {
  return Object.fromEntries(Object.keys(tokens).map((token) => [token, {}]));
}
