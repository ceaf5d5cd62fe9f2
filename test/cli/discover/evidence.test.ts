import { expect, test } from "vitest";
import { evidenceLine } from "../../../cli/discover/evidence.ts";

const now = new Date("2026-06-20T15:00:00Z");
const insert = { kind: "table", schema: "tracksolid", name: "position_history", privilege: "INSERT" } as const;

test("names the privilege, the object, how often and when", () => {
  const last = new Date("2026-06-20T14:02:59Z");
  expect(evidenceLine({ ...insert, count: 312, last }, now)).toBe(
    "INSERT on tracksolid.position_history, 312 times, last 14:02",
  );
});

test("names the day if it was another one, and the view in between", () => {
  const last = new Date("2026-06-19T14:02:59Z");
  expect(evidenceLine({ ...insert, privilege: "SELECT", count: 1, last, via: "reporting.v_trips" }, now)).toBe(
    "SELECT on tracksolid.position_history through reporting.v_trips, once, last 2026-06-19 14:02",
  );
});

test("names the kind of an object that is no table, and ownership in words", () => {
  const use = { kind: "schema", schema: "", name: "tickets", privilege: "OWNER", count: 2 } as const;
  expect(evidenceLine(use, now)).toBe("ownership of schema tickets, 2 times");
});
