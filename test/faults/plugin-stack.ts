import { pgaccess } from "../../provider/pgaccess.ts";
import type { Queryable, ServerAddress } from "../../provider/postgres/connection.ts";
import type { ResourceType } from "../../provider/rpc/provider.ts";
import { type PropertyMap, type PropertyValue, reveal } from "../../provider/rpc/values.ts";
import { testCall } from "../provider/calls.ts";

/** The declaration of a test's stack: one database with an owner, a writer and a reader. */
export interface Declared {
  database: string;
  schemas: string[];
  owner: string;
  writer: string;
  reader: string;
  keepOwner?: Record<string, string>;
}

interface Resource {
  type: ResourceType;
  name: string;
  inputs: () => PropertyMap;
}

/**
 * A stack driven as the engine drives it (Check, Create, Update, Delete in the order of their dependencies) but in this
 * process, so that hundreds of estates are affordable. SQL creates the roles that the official plugin would create.
 */
export class PluginStack {
  #plugin = pgaccess();
  readonly #address: ServerAddress;
  readonly #declared: Declared;
  readonly #admin: Queryable;
  readonly #state = new Map<string, PropertyMap>();
  /** Messages of all calls so far. */
  readonly lines: string[] = [];

  /**
   * @param address where the plugin logs in
   * @param admin a superuser's connection, for the work of the official plugin
   */
  constructor(address: ServerAddress, admin: Queryable, declared: Declared) {
    this.#address = address;
    this.#declared = declared;
    this.#admin = admin;
  }

  /** The engine starts a plugin for each command. */
  async #start(): Promise<void> {
    await this.#plugin.close();
    this.#plugin = pgaccess();
    const { port, sslrootcert, ...login } = this.#address;
    await this.#plugin.configure({ ...login, port: String(port), ...(sslrootcert && { sslrootcert }) }, {});
  }

  get #roles(): string[] {
    const { owner, writer, reader } = this.#declared;
    return [owner, writer, reader];
  }

  /** In the order of their dependencies. */
  get #resources(): Resource[] {
    const { database, schemas, owner, writer, reader, keepOwner = {} } = this.#declared;
    const legacyUsers = ["postgres"];
    const scope = { database, schemas, keepOwner, alsoOwn: [] };
    const type = (name: string) => this.#plugin.resources[`pgaccess:index:${name}`] as ResourceType;
    const privileges = (role: string, access: string): Resource => ({
      type: type("Privileges"),
      name: `Privileges ${role}`,
      inputs: () => ({
        role,
        database,
        access,
        schemas,
        creators: [owner, ...legacyUsers].filter((creator) => creator !== role),
        legacyUsers,
      }),
    });
    return [
      {
        type: type("Baseline"),
        name: "Baseline",
        inputs: () => ({ ...scope, roles: this.#roles, legacyUsers }),
      },
      ...this.#roles.map((role) => ({
        type: type("RoleSettings"),
        name: `RoleSettings ${role}`,
        inputs: () => ({ role, settings: { idle_session_timeout: "30min" } }),
      })),
      privileges(owner, "owner"),
      privileges(writer, "writer"),
      privileges(reader, "reader"),
      {
        type: type("Ownership"),
        name: "Ownership",
        inputs: () => ({ ...scope, owner, roles: this.#roles, former: this.#snapshot(), legacyUsers }),
      },
    ];
  }

  #snapshot(): PropertyValue {
    return this.#state.get("Baseline")?.snapshot ?? null;
  }

  /** Changes of every resource that exists or can be planned before the roles exist; throws what is refused. */
  async preview(): Promise<Record<string, PropertyMap>> {
    await this.#start();
    const changes: Record<string, PropertyMap> = {};
    for (const resource of this.#resources) {
      const inputs = await this.#check(resource);
      if (resource.name === "Baseline" && !this.#state.has("Baseline")) this.#state.set("Baseline", inputs);
      const planned = inputs.changes as PropertyMap;
      if (Object.keys(planned).length > 0) changes[resource.name] = planned;
    }
    return changes;
  }

  /** An up. It can be called again, also after an error. */
  async up(): Promise<void> {
    await this.#start();
    for (const resource of this.#resources) {
      if (resource.name.startsWith("RoleSettings")) await this.#makeRole(resource.name.slice("RoleSettings ".length));
      await this.#apply(resource);
    }
  }

  /** A destroy: all resources in reverse order, then the roles. */
  async destroy(): Promise<void> {
    await this.#start();
    for (const { type, name } of this.#resources.toReversed()) {
      const state = this.#state.get(name);
      if (!state) continue;
      const call = this.#call();
      await type.delete(call, { id: name, olds: state, oldInputs: state, timeout: 0 });
      this.#state.delete(name);
    }
    for (const role of this.#roles) await this.#admin.query(`DROP ROLE IF EXISTS ${quoted(role)}`);
  }

  async close(): Promise<void> {
    await this.#plugin.close();
  }

  async #check({ type, name, inputs }: Resource): Promise<PropertyMap> {
    const olds = this.#state.get(name);
    const checked = await type.check(this.#call(), {
      ...(olds && { olds }),
      news: inputs(),
      randomSeed: new Uint8Array(),
    });
    if (checked.failures?.length) {
      throw new Error(`${name} is refused: ${checked.failures.map(({ reason }) => reason).join("; ")}`);
    }
    return checked.inputs;
  }

  async #apply(resource: Resource): Promise<void> {
    const { type, name } = resource;
    const inputs = await this.#check(resource);
    const olds = this.#state.get(name);
    const common = { preview: false, timeout: 0 };
    const { outputs } = olds
      ? await type.update(this.#call(), { id: name, olds, oldInputs: olds, news: inputs, ...common })
      : await type.create(this.#call(), { inputs, ...common });
    this.#state.set(name, outputs);
  }

  async #makeRole(role: string): Promise<void> {
    const { rows } = await this.#admin.query("SELECT 1 FROM pg_roles WHERE rolname = $1", [role]);
    if (rows.length === 0) await this.#admin.query(`CREATE ROLE ${quoted(role)} LOGIN CONNECTION LIMIT 5`);
  }

  #call() {
    const call = testCall();
    const keep = (line: string) => void this.lines.push(line);
    return { ...call, report: { info: keep, warn: keep, progress: () => undefined } };
  }

  /** Warnings so far; what they mention is exempt from the checks. */
  warned(text: string): boolean {
    return this.lines.some((line) => line.includes(text));
  }

  /** The state, for the report of a counterexample. */
  get state(): unknown {
    return Object.fromEntries([...this.#state].map(([name, map]) => [name, reveal(map)]));
  }
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
