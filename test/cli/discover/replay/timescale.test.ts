import { expect, test } from "vitest";
import { replay } from "../../../../cli/discover/replay/replay.ts";
import type { RehearsalGoal } from "../../../../provider/rehearsal/goal.ts";
import { startTracksolid } from "../../../provider/timescale.ts";

const goal: RehearsalGoal = {
  database: "postgres",
  schemas: ["tracksolid"],
  owner: "tracksolid_owner",
  keepOwner: {},
  alsoOwn: [],
  roles: [
    { role: "tracksolid_owner", access: "owner", settings: {} },
    { role: "writer_app", access: "writer", settings: {} },
    { role: "reader_app", access: "reader", settings: {} },
  ],
};

test("statements on hypertables are tried, and a reader's write to one is denied", async () => {
  const db = await startTracksolid();
  try {
    const texts = [
      "SELECT time_bucket('1 hour', recorded_at) AS hour, count(*) FROM tracksolid.position_history GROUP BY 1",
      "INSERT INTO tracksolid.position_history SELECT * FROM tracksolid.position_history",
      "DELETE FROM tracksolid.position_history WHERE recorded_at < now()",
      "SELECT * FROM timescaledb_information.hypertables",
    ];
    const recorded = (role: string) => ({
      role,
      statements: texts.map((text) => ({
        text,
        // Of PGlite the default is pg_catalog.
        searchPath: "public",
        database: "postgres",
        user: "postgres",
        count: 1,
        source: "log" as const,
      })),
      uses: [],
    });
    const { denied, untried } = await replay(db, goal, [
      recorded("tracksolid_owner"),
      recorded("writer_app"),
      recorded("reader_app"),
    ]);
    expect(untried).toEqual([]);
    expect(denied.map(({ role, example }) => `${role}: ${example.split(" ")[0]}`)).toEqual([
      "reader_app: INSERT",
      "reader_app: DELETE",
    ]);
  } finally {
    await db.close();
  }
});
