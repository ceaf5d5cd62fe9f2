/** What a bench measures, and the most that it may be. */
export interface Goal {
  what: string;
  /** A short form for the plot. */
  short: string;
  unit: "x" | "MB";
  bar: number;
  /** This is not a cost of the stack: it shows what the same costs without it. */
  isReference?: true;
}

/** By the name of the result. */
export const goals = {
  preview: {
    what: "CPU of a preview of prod with nothing to do, against an empty program",
    short: "preview of prod / empty program",
    unit: "x",
    bar: 2.5,
  },
  policies: {
    what: "CPU of the same with the policy pack, against without",
    short: "with the policy pack / without",
    unit: "x",
    bar: 1.15,
  },
  "empty-policies": {
    what: "CPU of the same with a policy pack without policies, against without: what Pulumi needs for a pack",
    short: "with an empty pack / without",
    unit: "x",
    bar: 1.15,
    isReference: true,
  },
  up: {
    what: "CPU of a whole up of 60 roles on 3 schemas of 40 tables, against a program of as many resources that do nothing",
    short: "up of 60 roles / the floor",
    unit: "x",
    bar: 1.5,
  },
  "role-preview": {
    what: "CPU of a preview of the same with nothing to do, against that program",
    short: "preview of 60 roles / the floor",
    unit: "x",
    bar: 1.3,
  },
  growth: {
    what: "CPU per role of an up of more roles, against 60 roles; the engine writes the whole state after each step",
    short: "per role: more roles / 60",
    unit: "x",
    bar: 1,
  },
  "floor-growth": {
    what: "the same of the program that does nothing",
    short: "the same, the floor",
    unit: "x",
    bar: 1,
    isReference: true,
  },
  memory: {
    what: "peak memory of the plugin in an up and a preview with 10,000 tables",
    short: "plugin with 10,000 tables",
    unit: "MB",
    bar: 200,
  },
  stall: {
    what: "longest INSERT while a table of 1 + 1,100 relations, as a hypertable of 1,100 chunks, moves, against how long its ALTER by hand holds it",
    short: "stall of a writer / ALTER by hand",
    unit: "x",
    bar: 1.2,
  },
} as const satisfies Record<string, Goal>;

export type GoalName = keyof typeof goals;
