import * as pulumi from "@pulumi/pulumi";

/** A resource as the program registered it. */
export interface Registered {
  type: string;
  name: string;
  /** As sent; a secret is a `Secret`. */
  inputs: Record<string, unknown>;
  /** `type name` of its direct dependencies. */
  dependencies: string[];
  secretOutputs: string[];
  /** Names of the hooks that run before it is created. */
  beforeCreate: string[];
  /** Names of the hooks that run before it is changed. */
  beforeUpdate: string[];
  /** Names of the hooks that run if its creation fails. */
  onError: string[];
  /** The id under which it is imported; empty if it is created. */
  importId: string;
  ignoreChanges: string[];
  retainOnDelete: boolean;
}

/** A value that was sent marked as secret. */
export class Secret {
  readonly value: unknown;
  constructor(value: unknown) {
    this.value = value;
  }
}

/** The mocked RandomPassword of a role. */
export const passwordOf = (role: string) => Buffer.from(role.padEnd(24, ".").slice(0, 24)).toString("hex");

export interface Ran {
  /** The resource of a type and name. */
  resource(type: string, name: string): Registered;
  all: Registered[];
  /** The outputs of components, by `type name`. */
  outputs: Map<string, unknown>;
}

/** The mocked Baseline, without the roles that the stack creates. */
export const recorded = {
  snapshot: {
    owners: {},
    roles: { old_app: { connectionLimit: 40, settings: { "": ["statement_timeout=5000", "search_path=a, b"] } } },
    existingRoles: { bi: { connectionLimit: -1 } },
  },
  held: { old_app: [{ object: "shop.t", privilege: "SELECT", grantable: false }] },
  verifiers: { old_app: "SCRAM-SHA-256$..." },
};

/** The URL that the mocked LegacyUrl found. */
export const foundUrl = "postgres://postgres:found@db/shop";

/**
 * Runs a program against the SDK's mocks and returns what it registered.
 *
 * @param decided type to outputs that the plugin decides
 */
export async function run(program: () => unknown, decided: Record<string, Record<string, unknown>> = {}): Promise<Ran> {
  const all: Registered[] = [];
  const outputs = new Map<string, unknown>();
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs }) => {
        const made = type === "random:index/randomPassword:RandomPassword" ? { result: passwordOf(name) } : {};
        const snapshot = type === "pgaccess:index:Baseline" ? recorded : {};
        const found = type === "pgaccess:index:LegacyUrl" ? { url: foundUrl } : {};
        return { id: `${name}-id`, state: { ...inputs, ...made, ...snapshot, ...found, ...decided[type] } };
      },
      call: ({ token, inputs }) =>
        token === "docker:index/getNetwork:getNetwork" ? { ...inputs, id: `id of ${inputs.name}` } : {},
    },
    "app-roles",
    "prod",
  );
  spy(all, outputs);
  await program();
  await pulumi.runtime.disconnect();
  return {
    all,
    outputs,
    resource(type, name) {
      const found = all.filter((each) => each.type === type && each.name === name);
      if (found.length !== 1) throw new Error(`${found.length} resources ${type} ${name}`);
      return found[0] as Registered;
    },
  };
}

/** `type name` of everything a resource waits for, and that is deleted after it. */
export function waitsFor(ran: Ran, { type, name }: Pick<Registered, "type" | "name">): Set<string> {
  const found = new Set<string>();
  const visit = (dependencies: string[]): void => {
    for (const each of dependencies) {
      if (found.has(each)) continue;
      found.add(each);
      const [ofType = "", ofName = ""] = each.split(" ");
      visit(ran.resource(ofType, ofName).dependencies);
    }
  };
  visit(ran.resource(type, name).dependencies);
  return found;
}

interface RegisterRequest {
  getType(): string;
  getName(): string;
  getObject(): { toJavaScript(): Record<string, unknown> };
  getDependenciesList(): string[];
  getAdditionalsecretoutputsList(): string[];
  getHooks():
    | { getBeforeCreateList(): string[]; getBeforeUpdateList(): string[]; getOnErrorList(): string[] }
    | undefined;
  getImportid(): string;
  getIgnorechangesList(): string[];
  getRetainondelete(): boolean;
}
interface OutputsRequest {
  getUrn(): string;
  getOutputs(): { toJavaScript(): Record<string, unknown> };
}
type Reply = (error: unknown, response: unknown) => void;
interface Monitor {
  registerResource(request: RegisterRequest, reply: Reply): unknown;
  registerResourceOutputs(request: OutputsRequest, reply: Reply): unknown;
  registerResourceHook(request: unknown, reply: Reply): void;
  registerErrorHook(request: unknown, reply: Reply): void;
}

/** Reads the requests, because the mocks receive neither dependencies nor secrets. */
function spy(all: Registered[], outputs: Map<string, unknown>): void {
  const monitor = pulumi.runtime.getMonitor() as unknown as Monitor;
  const register = monitor.registerResource.bind(monitor);
  monitor.registerResource = (request, reply) => {
    all.push({
      type: request.getType(),
      name: request.getName(),
      inputs: withSecrets(request.getObject().toJavaScript()) as Record<string, unknown>,
      dependencies: request.getDependenciesList().map(label),
      secretOutputs: request.getAdditionalsecretoutputsList(),
      beforeCreate: request.getHooks()?.getBeforeCreateList() ?? [],
      beforeUpdate: request.getHooks()?.getBeforeUpdateList() ?? [],
      onError: request.getHooks()?.getOnErrorList() ?? [],
      importId: request.getImportid(),
      ignoreChanges: request.getIgnorechangesList(),
      retainOnDelete: request.getRetainondelete(),
    });
    return register(request, reply);
  };
  // The SDK's mocks claim to support hooks, but do not answer their registration.
  monitor.registerResourceHook = (_request, reply) => reply(null, {});
  monitor.registerErrorHook = (_request, reply) => reply(null, {});
  const registerOutputs = monitor.registerResourceOutputs.bind(monitor);
  monitor.registerResourceOutputs = (request, reply) => {
    outputs.set(label(request.getUrn()), withSecrets(request.getOutputs().toJavaScript()));
    return registerOutputs(request, reply);
  };
}

/** `urn:pulumi:prod::app-roles::parent$type::name` as `type name`. */
function label(urn: string): string {
  const [, , types = "", name = ""] = urn.split("::");
  return `${types.split("$").at(-1)} ${name}`;
}

/** The SDK's marks of secrets (runtime/rpc.ts) as Secret. */
function withSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withSecrets);
  if (typeof value !== "object" || value === null) return value;
  if ("4dabf18193072939515e22adb298388d" in value) return new Secret(withSecrets((value as { value?: unknown }).value));
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, withSecrets(each)]));
}

/** The value of an output, and whether it is secret. */
export async function settled<T>(output: pulumi.Output<T>): Promise<{ value: T; isSecret: boolean }> {
  const { promise, isSecret } = output as unknown as { promise(): Promise<T>; isSecret: Promise<boolean> };
  return { value: await promise(), isSecret: await isSecret };
}
