/**
 * The program that whole-up.ts compares with the stack: the same roles and privileges with only official resources. Its input is
 * the environment variable BENCH.
 */
import * as postgresql from "@pulumi/postgresql";
import * as random from "@pulumi/random";
import { scramVerifier } from "../model/scram.ts";

/** The environment variable BENCH, as JSON. */
export interface OfficialTask {
  host: string;
  port: number;
  username: string;
  database: string;
  roles: string[];
  schemas: string[];
}

const { roles, schemas, database, ...server } = JSON.parse(process.env.BENCH ?? "{}") as OfficialTask;
const provider = new postgresql.Provider("server", { ...server, database: "postgres", sslmode: "disable" });
const options = { provider };
const owner = server.username;

const crud = ["SELECT", "INSERT", "UPDATE", "DELETE"];
const onAll: [objectType: string, privileges: string[]][] = [
  ["schema", ["USAGE"]],
  ["table", crud],
  ["sequence", ["USAGE", "SELECT"]],
];
const onFuture: [objectType: string, privileges: string[]][] = [
  ["table", crud],
  ["sequence", ["USAGE", "SELECT"]],
  ["function", ["EXECUTE"]],
  ["type", ["USAGE"]],
];

for (const name of roles) {
  const password = new random.RandomPassword(name, { length: 48, special: false }).result.apply(scramVerifier);
  const role = new postgresql.Role(name, { name, login: true, password, connectionLimit: 1 }, options).name;
  const connect = { database, role, objectType: "database", privileges: ["CONNECT", "TEMPORARY"] };
  new postgresql.Grant(name, connect, options);
  for (const schema of schemas) {
    for (const [objectType, privileges] of onAll) {
      const args = { database, role, schema, objectType, privileges };
      new postgresql.Grant(`${name}-${schema}-${objectType}`, args, options);
    }
    for (const [objectType, privileges] of onFuture) {
      const args = { database, role, owner, schema, objectType, privileges };
      new postgresql.DefaultPrivileges(`${name}-${schema}-${objectType}`, args, options);
    }
  }
}
