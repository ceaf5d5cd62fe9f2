import { expect, test } from "vitest";
import { liveView } from "../../../cli/audit/live-view.ts";
import { Observations } from "../../../cli/audit/observation.ts";
import type { Subject } from "../../../cli/audit/subject.ts";
import { declare } from "./deployed.ts";

test("sessions, peaks and limits fit 80 columns, busiest role first, whatever the names", () => {
  const observations = new Observations();
  const long = `\u001b[31m${"x".repeat(58)}`;
  const look = (sessions: number, used: number) =>
    observations.add({
      slots: { max: 100, superuserReserved: 3, reserved: 0, used },
      roles: [
        { role: "api", limit: 8, superuser: false, sessions },
        { role: long, limit: 1_000_000, superuser: false, sessions: 1 },
        { role: "postgres", limit: -1, superuser: true, sessions: 2 },
        { role: "stranger", limit: -1, superuser: false, sessions: 0 },
      ],
      superuserSessions: [],
      at: new Date(0),
    });
  look(6, 40);
  look(4, 20);
  const subject = {
    declared: declare({ server: { host: "db" }, roles: { api: { connectionLimit: 8 } } }),
  } as unknown as Subject;
  const view = liveView(subject, observations);
  expect(view.split("\n").filter((line) => line.length > 79)).toEqual([]);
  expect(view).toContain("20 of 100 connections, peak 40, 77 free, 3 reserved");
  const rows = view
    .split("\n")
    .slice(3)
    .map((line) => line.trim().split(/ {2,}/));
  expect(rows).toEqual([
    ["api", "4", "6", "8", "[########....", "]"],
    ["postgres", "2", "2", "-", "superuser"],
    [`\\x1b[31m${"x".repeat(19)}…`, "1", "1", "1000000", "[#", "]", "!"],
    ["stranger", "0", "0", "-", "unlimited", "!"],
  ]);
});
