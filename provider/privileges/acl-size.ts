import type { Queryable } from "../postgres/connection.ts";
import type { PrivilegePlan } from "./plan.ts";

/**
 * Bytes of one relation's access control list (ACL) that are refused to be passed. It is stored in the relation's row of pg_class,
 * which fits one page of 8 kB: every GRANT beyond that fails with "row is too big" (54000).
 */
const most = 7000;
/** Entries below which no list is worth a look. */
const many = 200;
/** Bytes of a further entry, compressed, where there is no list yet to tell from: about 3.4 for roles made one after the other. */
const usual = 6;

/** Watches over how long the lists of a server's relations get by all plans of one run of the engine. */
export class AclSizes {
  /** By database: the roles that a plan grants something on a relation there and that are not granted it yet. */
  readonly #pending = new Map<string, Set<string>>();

  /** Why the plan of `role` is refused; one line for each relation whose list would get too long. */
  async problems(
    db: Queryable,
    { database, role }: { database: string; role: string },
    plan: PrivilegePlan,
  ): Promise<string[]> {
    const relations = plan.grants.flatMap(({ place }) =>
      "object" in place && (place.object.target.keyword === "TABLE" || place.object.target.keyword === "SEQUENCE")
        ? [{ key: place.object.key, oid: place.object.oid }]
        : [],
    );
    if (relations.length === 0) return [];
    const pending = this.#pending.get(database) ?? new Set();
    this.#pending.set(database, pending.add(role));
    const { rows } = await db.query<{ oid: string; entries: number; bytes: number }>(
      "SELECT oid::text AS oid, cardinality(relacl) AS entries, pg_column_size(relacl) AS bytes FROM pg_class WHERE cardinality(relacl) >= $1",
      [many],
    );
    const live = new Map(rows.map((row) => [row.oid, row]));
    return relations.flatMap(({ key, oid }) => {
      const list = live.get(oid ?? "");
      const bytes = Math.ceil((list?.bytes ?? 0) + pending.size * (list ? list.bytes / list.entries : usual));
      if (bytes <= most) return [];
      return [
        `${key}: its access control list would have ${(list?.entries ?? 0) + pending.size} entries, about ${bytes} bytes, and PostgreSQL keeps at most 8 kB of it: ` +
          "further grants on it would fail (row is too big). Grant to one group role (CREATE ROLE ... NOLOGIN), and make the roles its members",
      ];
    });
  }

  /** What was pending for the role is on the server by now. */
  granted({ database, role }: { database: string; role: string }): void {
    this.#pending.get(database)?.delete(role);
  }
}
