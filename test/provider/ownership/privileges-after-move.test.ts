import type { Client } from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { baseline } from "../../../provider/baseline/resource.ts";
import { ownership } from "../../../provider/ownership/resource.ts";
import { Server } from "../../../provider/postgres/connection.ts";
import { availableVersions } from "../../../sandbox/postgres/server.ts";
import { testCall } from "../calls.ts";
import { observe } from "../observe.ts";
import { startPostgres, type TestPostgres } from "../postgres.ts";

type Inputs = Parameters<ReturnType<typeof ownership>["plan"]>[0];

const schemas = ["app"];

/** `New owner` existed before, with privileges, grant options and grants to others. */
const estate = `
  CREATE SCHEMA app;
  GRANT USAGE ON SCHEMA app TO PUBLIC;
  GRANT USAGE, CREATE ON SCHEMA app TO former, "New owner";
  SET ROLE former;
  CREATE TABLE app.t (id serial, a int, b int);
  CREATE TABLE app.untouched (id int);
  CREATE VIEW app.v AS SELECT a FROM app.t;
  CREATE FUNCTION app.f() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM app.t';
  CREATE TYPE app.e AS ENUM ('x');
  GRANT SELECT, UPDATE ON app.t TO "New owner" WITH GRANT OPTION;
  GRANT INSERT ON app.t TO "New owner";
  GRANT SELECT ON app.t TO other WITH GRANT OPTION;
  GRANT SELECT (a), INSERT (b) ON app.t TO reader;
  GRANT UPDATE (b), REFERENCES (a) ON app.t TO "New owner" WITH GRANT OPTION;
  GRANT DELETE ON app.t TO reader;
  GRANT SELECT ON app.v TO reader, "New owner";
  REVOKE EXECUTE ON FUNCTION app.f() FROM PUBLIC;
  GRANT EXECUTE ON FUNCTION app.f() TO "New owner" WITH GRANT OPTION;
  GRANT USAGE ON TYPE app.e TO "New owner" WITH GRANT OPTION;
  GRANT USAGE ON SEQUENCE app.t_id_seq TO "New owner" WITH GRANT OPTION;
  REVOKE TRUNCATE ON app.untouched FROM former;
  SET ROLE "New owner";
  GRANT SELECT, UPDATE ON app.t TO reader WITH GRANT OPTION;
  GRANT REFERENCES (a) ON app.t TO reader;
  GRANT EXECUTE ON FUNCTION app.f() TO reader;
  GRANT USAGE ON TYPE app.e TO reader;
  GRANT USAGE ON SEQUENCE app.t_id_seq TO reader;
  SET ROLE reader;
  GRANT SELECT ON app.t TO "last, in chain";
  SET ROLE other;
  GRANT SELECT ON app.t TO "New owner", reader;
  RESET ROLE`;

describe.each(availableVersions())("on PostgreSQL %i", (version) => {
  let postgres: TestPostgres;
  let server: Server;
  let resource: ReturnType<typeof ownership>;
  let admin: Client;

  beforeAll(async () => {
    postgres = await startPostgres(version);
    server = new Server(postgres.address);
    resource = ownership(server);
    admin = await postgres.connect();
    await admin.query(`CREATE ROLE former; CREATE ROLE "New owner"; CREATE ROLE reader LOGIN PASSWORD 'admin';
                       CREATE ROLE other; CREATE ROLE "last, in chain"`);
  });
  afterAll(async () => {
    await server.close();
    await postgres.stop();
  });
  beforeEach(() => admin.query(estate));
  afterEach(() => admin.query("DROP SCHEMA app CASCADE"));

  const inputs = async (): Promise<Inputs> => {
    const scope = { database: "postgres", schemas, keepOwner: {}, alsoOwn: [] };
    const { observed } = await baseline(server).plan({ ...scope, roles: [] }, undefined, {});
    const former = observed?.snapshot as unknown as Inputs["former"];
    return { ...scope, owner: "New owner", roles: ["New owner"], former };
  };

  test("privileges that the new owner had and had granted before are restored", async () => {
    const before = await observe(admin);
    const wanted = await inputs();
    await resource.apply(wanted, undefined, testCall());
    expect((await resource.plan(wanted, undefined, {})).changes).toEqual({});
    expect(await observe(admin)).not.toEqual(before);
    await resource.remove(wanted, testCall());
    expect(await observe(admin)).toEqual(before);
  });

  test("grants and revokes that were made meanwhile are kept", async () => {
    const before = await observe(admin);
    const wanted = await inputs();
    await resource.apply(wanted, undefined, testCall());
    await admin.query(`GRANT TRUNCATE ON app.t TO other; GRANT UPDATE (b) ON app.t TO other;
                       REVOKE DELETE ON app.t FROM reader; REVOKE INSERT (b) ON app.t FROM reader`);
    await resource.remove(wanted, testCall());
    await admin.query(`REVOKE TRUNCATE ON app.t FROM other; REVOKE UPDATE (b) ON app.t FROM other;
                       GRANT DELETE, INSERT (b) ON app.t TO reader`);
    expect(await observe(admin)).toEqual(before);
  });
});
