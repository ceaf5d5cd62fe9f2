import * as postgresql from "@pulumi/postgresql";
import * as pulumi from "@pulumi/pulumi";
import type { BudgetEntry } from "../model/budget.ts";
import type { Database, Server } from "../model/stack.ts";
import * as pgaccess from "./pgaccess.ts";

export interface DatabaseServerArgs {
  /** What the services dial, and how the stack logs in as an admin. */
  server: Server;
  /** Password of the admin. @default the login needs none */
  adminPassword?: pulumi.Input<string> | undefined;
  /** The databases whose objects are managed, by name. */
  databases: Record<string, Database>;
  /** Names of all roles the stack makes on this server. */
  roles: string[];
  /** Most connections that all roles together may hold. @default 95 */
  ceiling: number;
  /** Every role that counts, with its limit. */
  entries: BudgetEntry[];
}

/**
 * A Postgres or TimescaleDB server: the providers that dial it, what was there before (recorded first) and the
 * connection budget that every role depends on.
 *
 * @example
 * const server = new DatabaseServer("main", { server: stack.server, databases: stack.databases, ... });
 */
export class DatabaseServer extends pulumi.ComponentResource {
  readonly args: DatabaseServerArgs;
  /** The official provider: roles. */
  readonly postgresql: postgresql.Provider;
  /** Our plugin: everything else. */
  readonly pgaccess: pgaccess.Provider;
  /** What was there before, by database. */
  readonly baselines: Record<string, pgaccess.Baseline>;
  readonly connectionBudget: pgaccess.ConnectionBudget;

  constructor(name: string, args: DatabaseServerArgs, opts?: pulumi.ComponentResourceOptions) {
    super("app-roles:index:DatabaseServer", name, {}, opts);
    this.args = args;
    this.postgresql = createPostgresqlProvider(this, name);
    this.pgaccess = createPgaccessProvider(this, name);
    this.baselines = createBaselines(this);
    this.connectionBudget = createConnectionBudget(this, name);
    this.registerOutputs();
  }

  /** The database as declared; throws when the server has none of that name. */
  database(name: string): Database {
    const database = this.args.databases[name];
    if (!database) throw new Error(`the server has no database ${name} among those declared`);
    return database;
  }

  /** What was there before in a database. */
  baseline(name: string): pgaccess.Baseline {
    return this.baselines[name] as pgaccess.Baseline;
  }
}

function createPostgresqlProvider(parent: DatabaseServer, name: string): postgresql.Provider {
  const { server, adminPassword } = parent.args;
  const { host, port, user, database, sslmode } = server.admin;
  // One connection: with the plugin's own that makes the two this stack promises.
  const args = { host, port, username: user, database, sslmode, maxConnections: 1, connectTimeout: 15 };
  return new postgresql.Provider(name, { ...args, ...(adminPassword && { password: adminPassword }) }, { parent });
}

function createPgaccessProvider(parent: DatabaseServer, name: string): pgaccess.Provider {
  const { server, adminPassword } = parent.args;
  return new pgaccess.Provider(name, { ...server.admin, password: adminPassword }, { parent });
}

function createBaselines(parent: DatabaseServer): Record<string, pgaccess.Baseline> {
  const { databases, roles } = parent.args;
  return Object.fromEntries(
    Object.entries(databases).map(([database, { schemas, alsoOwn }]) => [
      database,
      new pgaccess.Baseline(database, { database, schemas, alsoOwn, roles }, { parent, provider: parent.pgaccess }),
    ]),
  );
}

function createConnectionBudget(parent: DatabaseServer, name: string): pgaccess.ConnectionBudget {
  const { ceiling, entries } = parent.args;
  return new pgaccess.ConnectionBudget(name, { ceiling, entries }, { parent, provider: parent.pgaccess });
}
