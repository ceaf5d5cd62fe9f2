import type { Queryable } from "../postgres/connection.ts";
import type { PrivilegePlan } from "./plan.ts";

/**
 * Maximum size in bytes of a relation's access control list (ACL). PostgreSQL stores it in the relation's row of pg_class, which
 * must fit one page of 8 kB: beyond that every GRANT fails with "row is too big" (54000).
 */
const maxBytes = 7000;
/** Shorter lists are not read. */
const minEntries = 200;
/** Bytes of one compressed entry, for a relation without a list to measure; measured: 3.4 for roles with consecutive OIDs. */
const bytesPerEntry = 6;

/** Tracks the size of relations' access control lists over all plans of one up. */
export class AclSizes {
  /** Database to roles with planned grants on its relations. */
  readonly #pending = new Map<string, Set<string>>();

  /** Reasons to refuse the plan of `role`: one for each relation whose list would become too long. */
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
      [minEntries],
    );
    const live = new Map(rows.map((row) => [row.oid, row]));
    return relations.flatMap(({ key, oid }) => {
      const list = live.get(oid ?? "");
      const bytes = Math.ceil((list?.bytes ?? 0) + pending.size * (list ? list.bytes / list.entries : bytesPerEntry));
      if (bytes <= maxBytes) return [];
      return [
        `${key}: its access control list would have ${(list?.entries ?? 0) + pending.size} entries, about ${bytes} bytes, and PostgreSQL stores at most 8 kB: ` +
          "further grants on it would fail (row is too big). Grant to one group role (CREATE ROLE ... NOLOGIN), and make the roles members of it",
      ];
    });
  }

  /** Call it once the planned grants of the role are on the server. */
  granted({ database, role }: { database: string; role: string }): void {
    this.#pending.get(database)?.delete(role);
  }
}
