import { baseline } from "../../../provider/baseline/resource.ts";
import { connectionBudget } from "../../../provider/budget/resource.ts";
import { ownership } from "../../../provider/ownership/resource.ts";
import { Server } from "../../../provider/postgres/connection.ts";
import { privileges } from "../../../provider/privileges/resource.ts";
import { unknown } from "../../../provider/rpc/values.ts";
import { roleSettings } from "../../../provider/settings/resource.ts";
import { testCall } from "../calls.ts";
import { startPostgres, type TestPostgres } from "../postgres.ts";

type Inputs<Resource extends (server: Server) => { plan(inputs: never, ...rest: never[]): unknown }> = Parameters<
  ReturnType<Resource>["plan"]
>[0];

/** A database `shop` with the schema `app`, and the warnings of each resource there. */
export interface WarnedEstate {
  postgres: TestPostgres;
  /** Creates shop and the server's roles again: etl exists, shop_owner and shop_reader do not. */
  reset(): Promise<void>;
  /** Runs SQL in shop as the superuser. */
  sql(text: string): Promise<void>;
  /** Without the warnings about owners of schemas and extensions, which `limits` returns. */
  ofOwnership(more?: Partial<Inputs<typeof ownership>>): Promise<string[]>;
  limits(more?: Partial<Inputs<typeof ownership>>): Promise<string[]>;
  /** Changes the owners, and returns the baseline from before. */
  move(more?: Partial<Inputs<typeof ownership>>): Promise<Inputs<typeof ownership>["former"]>;
  ofPrivileges(role: string, more?: Partial<Inputs<typeof privileges>>): Promise<string[]>;
  ofSettings(role: string, more?: Partial<Inputs<typeof roleSettings>>): Promise<string[]>;
  ofDatabase(more?: Partial<Inputs<typeof baseline>>): Promise<string[]>;
  /** @param roles that the stack declares */
  ofServer(databases: string[], roles?: string[]): Promise<string[]>;
  stop(): Promise<void>;
}

const database = "shop";
const schemas = ["app"];
const legacyUsers = ["postgres"];

export async function startEstate(version?: number): Promise<WarnedEstate> {
  const postgres = await startPostgres(version);
  const admin = await postgres.connect();
  const server = new Server(postgres.address);
  let db: Awaited<ReturnType<TestPostgres["connect"]>>;

  const baselineInputs = { database, schemas, keepOwner: {}, alsoOwn: [], roles: ["shop_owner"], legacyUsers };
  const ownershipInputs = {
    database,
    schemas,
    owner: "shop_owner",
    keepOwner: {},
    alsoOwn: [],
    roles: ["shop_owner", "shop_reader"],
    former: unknown,
    legacyUsers,
  };
  const isLimit = (line: string) => line.includes("ALTER DEFAULT PRIVILEGES FOR ROLE");
  const ofOwnership = async (more: Partial<Inputs<typeof ownership>> = {}) =>
    (await ownership(server).plan({ ...ownershipInputs, ...more }, undefined, {})).warnings ?? [];
  // A new resource for each call, as in each run of the engine.
  return {
    postgres,
    async reset() {
      await server.withoutConnection(() => admin.query(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`));
      const { rows } = await admin.query("SELECT quote_ident(rolname) AS role FROM pg_roles WHERE oid >= 16384");
      for (const { role } of rows) await admin.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
      await admin.query("CREATE ROLE etl LOGIN");
      await admin.query(`CREATE DATABASE ${database}`);
      db = await postgres.connect({ database });
      await db.query(`
        CREATE SCHEMA app; CREATE SCHEMA outside; GRANT USAGE, CREATE ON SCHEMA app, outside TO etl;
        CREATE TABLE app.orders (id int); CREATE TABLE outside.invoices (id int, amount numeric, secret text);
      `);
    },
    sql: async (text) => void (await db.query(text)),
    ofOwnership: async (more) => (await ofOwnership(more)).filter((line) => !isLimit(line)),
    limits: async (more) => (await ofOwnership(more)).filter(isLimit),
    async move(more) {
      const plan = await baseline(server).plan({ ...baselineInputs, roles: [] }, undefined, {});
      const former = plan.observed?.snapshot as unknown as Inputs<typeof ownership>["former"];
      await ownership(server).apply({ ...ownershipInputs, former, ...more }, undefined, testCall());
      return former;
    },
    async ofPrivileges(role, more) {
      const inputs = { role, database, access: "reader" as const, schemas, creators: [], before: [], legacyUsers };
      return (await privileges(server).plan({ ...inputs, ...more }, undefined, {})).warnings ?? [];
    },
    async ofSettings(role, more) {
      const inputs = { role, settings: {}, databases: {}, before: {}, usedIn: [database], legacyUsers };
      return (await roleSettings(server).plan({ ...inputs, ...more }, undefined, {})).warnings ?? [];
    },
    async ofDatabase(more) {
      return (await baseline(server).plan({ ...baselineInputs, ...more }, undefined, {})).warnings ?? [];
    },
    async ofServer(databases, roles = []) {
      const fresh = new Server(postgres.address);
      const entries = roles.map((role) => ({ role, limit: 1, source: "declared" as const }));
      const inputs = { ceiling: 95, entries, databases, legacyUsers };
      const { warnings } = await connectionBudget(fresh).plan(inputs, undefined, {});
      await fresh.close();
      return warnings ?? [];
    },
    async stop() {
      await server.close();
      await postgres.stop();
    },
  };
}
