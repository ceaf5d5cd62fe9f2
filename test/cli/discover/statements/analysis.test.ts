import { expect, test } from "vitest";
import type { Statement } from "../../../../cli/discover/evidence.ts";
import type { SeenService } from "../../../../cli/discover/services.ts";
import { type AnalysedDatabase, analyse } from "../../../../cli/discover/statements/analysis.ts";
import { NamesInDatabase, type Relation } from "../../../../cli/discover/statements/names-in-database.ts";

const table = (id: string, name: string, root?: string): Relation => ({
  id,
  schema: "shop",
  name,
  kind: "table",
  isSuperusers: true,
  isInvoker: false,
  publicPrivileges: [],
  root,
});

const names = new NamesInDatabase({
  database: "shop_db",
  schemas: new Map([["shop", []]]),
  relations: [table("1", "items"), table("2", "events"), table("3", "events_2026", "2"), table("4", "Cap.Tab")],
  routines: [],
  builtIns: new Set(),
  types: [],
  attached: [],
  paths: [],
  databasePrivileges: [],
  hasMaintain: true,
  superuserSettings: new Set(),
});

const objects = ["shop.items", "shop.events"].map((key) => ({
  key,
  schema: "shop",
  owner: "postgres",
  isSuperusers: true,
}));

function service(name: string, ...texts: string[]): AnalysedDatabase["services"][number] {
  const statements = texts.map(
    (text): Statement => ({ text, database: "shop_db", user: "postgres", count: 1, source: "session" }),
  );
  return { service: { name } as SeenService, statements, watch: { isComplete: false, sawStart: false } };
}

const analysed = (more: Partial<AnalysedDatabase>) =>
  analyse({
    estate: { name: "shop_db", schemas: ["shop"], objects, ledgers: [] },
    names,
    activity: undefined,
    services: [],
    hasOthers: false,
    sawEverything: false,
    querySize: 1024,
    now: new Date(0),
    ...more,
  });

const wrote = (...tables: string[]) => ({ writes: [{ schema: "shop", rows: 1, tables }], changed: [] });
const created = { writes: [], changed: [{ name: "shop.t9", schema: "shop", what: "created" as const }] };

test("a write that no statement explains makes a reader a writer", async () => {
  const services = [service("api", "SELECT * FROM shop.items"), service("feed", "INSERT INTO shop.events VALUES (1)")];
  const explained = await analysed({ services, activity: wrote("shop.events_2026") });
  expect(explained.notes).toEqual([]);
  expect(explained.needs.get("api")?.access).toBe("reader");
  const left = await analysed({ services, activity: wrote("shop.items", 'shop."Cap.Tab"') });
  expect(left.notes).toEqual([
    "shop_db: shop.Cap.Tab, shop.items were written during the watch by no statement of a service that was seen.",
  ]);
  expect(left.needs.get("api")?.access).toBe("writer");
});

test("a change of the catalog is a service's only if nobody else uses the database", async () => {
  const api = service("api", "SELECT * FROM shop.items");
  const alone = await analysed({ services: [api], activity: created });
  expect(alone.needs.get("api")).toMatchObject({ access: "owner", migrates: true });
  expect(alone.notes).toEqual([]);
  for (const others of [{ hasOthers: true }, { services: [api, service("feed")] }]) {
    const shared = await analysed({ services: [api], activity: created, ...others });
    expect(shared.needs.get("api")).toMatchObject({ access: "reader", migrates: "unconfirmed" });
    expect(shared.notes).toEqual(["shop_db: shop.t9 was created, by no statement of a service that was seen."]);
  }
  const seen = await analysed({ services: [api, service("feed", "CREATE TABLE shop.t9 ()")], activity: created });
  expect(seen.notes).toEqual([]);
});

test("VACUUM alone takes no ownership: without it, or MAINTAIN, Postgres skips the table", async () => {
  const services = [service("cleaner", "VACUUM shop.items", "ANALYZE shop.items", "SELECT * FROM shop.items")];
  const maintained = (await analysed({ services })).needs.get("cleaner");
  expect(maintained).toMatchObject({ access: "reader", grants: { tables: { "shop.items": ["MAINTAIN"] } } });
  const older = new NamesInDatabase({ ...names.catalog, hasMaintain: false });
  const skipped = (await analysed({ services, names: older })).needs.get("cleaner");
  expect(skipped).toMatchObject({ access: "reader", grants: {} });
  expect(skipped?.reasons).toContainEqual({
    subject: "skipped",
    what: "VACUUM on shop.items",
    line: "VACUUM on shop.items, 2 times",
    certainty: "certain",
  });
  const owner = service("cleaner", "VACUUM shop.items", "DROP TABLE shop.events");
  const owned = (await analysed({ services: [owner], names: older })).needs.get("cleaner");
  expect(owned?.access).toBe("owner");
  expect(owned?.reasons.map(({ subject }) => subject)).not.toContain("skipped");
});

test("a service of which nothing was seen has no need", async () => {
  const { evidence, needs } = await analysed({ services: [service("idle")] });
  expect(evidence.get("idle")).toMatchObject({ statements: 0, uses: [] });
  expect(needs.has("idle")).toBe(false);
});
