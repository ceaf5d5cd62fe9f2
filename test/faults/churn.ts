import pg, { escapeIdentifier } from "pg";
import type { ServerAddress } from "../../provider/postgres/connection.ts";
import { mulberry32 } from "./moments.ts";
import { schemas, strangers } from "./random-estate.ts";

/** A session that creates, renames, grants on and drops its own objects in the managed schemas as fast as it can. */
export class Churn {
  /** Statements that succeeded. */
  count = 0;
  readonly #db: pg.Client;
  readonly #random: () => number;
  readonly #running: Promise<void>;
  #isEnded = false;
  #next = 0;

  private constructor(db: pg.Client, seed: number) {
    this.#db = db;
    this.#random = mulberry32(seed);
    this.#running = this.#run();
  }

  static async start({ host, port, user, password }: ServerAddress, database: string, seed: number): Promise<Churn> {
    const db = new pg.Client({ host, port, user, password, database });
    db.on("error", () => undefined);
    await db.connect();
    return new Churn(db, seed);
  }

  /** Resolves once all its objects are dropped. */
  async stop(): Promise<void> {
    this.#isEnded = true;
    await this.#running;
    await this.#db.end();
  }

  async #run(): Promise<void> {
    const made: string[] = [];
    while (!this.#isEnded) {
      const name = `${escapeIdentifier(this.#pick(schemas))}."churn ${this.#next++}"`;
      const old = this.#pick(made);
      const to = escapeIdentifier(this.#pick(strangers));
      const [statement, isNew] = this.#pick<[string, boolean]>([
        [`CREATE TABLE ${name} (id serial, n int)`, true],
        [`CREATE TABLE ${name} (id int)`, true],
        [`DROP TABLE IF EXISTS ${old ?? name} CASCADE`, false],
        [`GRANT SELECT ON ${old ?? name} TO ${to}`, false],
        [`ALTER TABLE ${old ?? name} RENAME TO "renamed ${this.#next}"`, false],
        [`ALTER TABLE ${old ?? name} OWNER TO ${to}`, false],
        [`CREATE OR REPLACE FUNCTION ${name}() RETURNS int LANGUAGE sql AS 'SELECT 1'`, false],
        [`DROP FUNCTION IF EXISTS ${name}()`, false],
      ]);
      try {
        await this.#db.query(`SET lock_timeout = '1s'; ${statement}`);
        this.count++;
        if (isNew) made.push(name);
      } catch {
        // A conflict with the stack, or with an object that it dropped or renamed.
      }
    }
  }

  #pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.#random() * from.length)] as T;
  }
}
