/** A plugin's Pulumi package schema as far as the engine needs one: which resources and functions there are. */
export function packageSchema(name: string, version: string, resources: object, functions: object = {}): object {
  return {
    name,
    version,
    // As the official schemas have it: the module of random:index/randomPassword:RandomPassword is index.
    meta: { moduleFormat: "(.*)(?:/[^/]*)" },
    resources: withoutProperties(resources),
    functions: withoutProperties(functions),
  };
}

function withoutProperties(tokens: object): object {
  return Object.fromEntries(Object.keys(tokens).map((token) => [token, {}]));
}
