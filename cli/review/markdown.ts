import type { Budget, Changes, OwnerChange, PrivilegeChange, RoleChange } from "./changes.ts";
import { block, code, count, list, number } from "./inline.ts";
import { layOut, type Section } from "./layout.ts";

/** What a review says. */
export interface Review {
  stack: string;
  changes: Changes;
  /** Whether any resource changes, records of the stack included. */
  isChange: boolean;
  errors: string[];
  /** Violations of mandatory policies. */
  refusals: { policy: string; message: string }[];
  /** Violations of advisory policies. */
  advice: { policy: string; message: string }[];
  newWarnings: string[];
  /** Warnings that the last up gave too. */
  knownWarnings: number;
}

/** The most lines of errors. */
const errorLines = 16;

/** The review as Markdown for a pull request: at most 60 lines and 65,536 characters, with the verdict and the sums first. */
export function markdown(review: Review): string {
  const { changes, errors } = review;
  const head = [verdict(review), "", summary(review), ...errorBlock(errors), ...budgetBlock(changes.budgets)];
  const sections = [
    refusals(review),
    roles(changes),
    privileges(changes),
    owners(changes),
    services(changes),
    settings(changes),
    others(changes),
    warnings(review),
    advice(review),
  ].filter((section) => section.items.length > 0);
  return layOut(head, sections);
}

/** Whether nothing stops the up. */
export function isAllowed({ errors, refusals }: Pick<Review, "errors" | "refusals">): boolean {
  return errors.length === 0 && refusals.length === 0;
}

function verdict(review: Review): string {
  const stack = code(review.stack, 100);
  if (review.errors.length > 0) return `### ❌ The preview of ${stack} fails`;
  if (review.refusals.length > 0) return `### ❌ A policy refuses the up of ${stack}`;
  return review.isChange ? `### ✅ Nothing stops the up of ${stack}` : `### ✅ The up of ${stack} changes nothing`;
}

function summary(review: Review): string {
  const { changes, refusals, errors, newWarnings, knownWarnings } = review;
  const roles = (what: RoleChange["what"]) => changes.roles.filter((role) => role.what === what).length;
  const { gained, lost } = privilegeSums(changes.privileges);
  const sums: [number, (value: number) => string][] = [
    [errors.length, (sum) => count(sum, "error")],
    [refusals.length, (sum) => `${count(sum, "policy violation")}`],
    [roles("created"), (sum) => `${count(sum, "role")} created`],
    [roles("adopted"), (sum) => `${count(sum, "role")} adopted`],
    [roles("recreated"), (sum) => `${count(sum, "role")} dropped and created again`],
    [roles("dropped"), (sum) => `${count(sum, "role")} dropped`],
    [roles("new password"), (sum) => count(sum, "new password")],
    [changes.limits.length, (sum) => `${count(sum, "limit")} changed`],
    [gained, (sum) => `${count(sum, "privilege")} gained`],
    [lost, (sum) => `${count(sum, "privilege")} lost`],
    [movedObjects(changes.owners), (sum) => `${count(sum, "object")} with another owner`],
    [changes.services.length, (sum) => `${count(sum, "service")} affected`],
    [changes.settings.length, (sum) => `${count(sum, "setting")} changed`],
    [changes.others.length, (sum) => count(sum, "other resource")],
    [newWarnings.length, (sum) => count(sum, "new warning")],
  ];
  const said = sums.filter(([sum]) => sum > 0).map(([sum, words]) => words(sum));
  const known = knownWarnings > 0 ? ` ${count(knownWarnings, "warning")} of the last up not repeated.` : "";
  if (said.length > 0) return `${said.join(", ")}.${known}`;
  return `${review.isChange ? "Only records of the stack change." : "Configuration and server agree."}${known}`;
}

function errorBlock(errors: string[]): string[] {
  const lines = errors.flatMap((error) => error.split("\n")).filter((line) => line.trim() !== "");
  if (lines.length === 0) return [];
  const rest = lines.length - errorLines;
  return [
    "",
    ...block([...lines.slice(0, errorLines), ...(rest > 0 ? [`... and ${count(rest, "more line")}`] : [])], "text"),
  ];
}

/** Characters of a bar. */
const width = 40;
/** Servers whose budgets are shown. */
const maxBudgets = 3;

function budgetBlock(budgets: Budget[]): string[] {
  const lines = budgets.slice(0, maxBudgets).flatMap((budget) => {
    const { name, before, after } = budget;
    const title = budgets.length > 1 ? `${name} budget` : "budget";
    if (!after) return before ? [bar(`${title} now`, before)] : [];
    if (!before) return [bar(title, after)];
    if (before.total === after.total && before.ceiling === after.ceiling) return [bar(`${title} (no change)`, after)];
    return [bar(`${title} before`, before), bar(`${title} after`, after)];
  });
  return lines.length > 0 ? ["", ...block(lines, "text")] : [];
}

function bar(title: string, { total, ceiling }: { total: number; ceiling: number }): string {
  const filled = Math.min(width, Math.round((total / Math.max(1, ceiling)) * width));
  const over = total > ceiling ? `, ${total - ceiling} too many` : "";
  return `${title.padEnd(18)} ${"█".repeat(filled)}${"░".repeat(width - filled)} ${total} of ${ceiling} connections${over}`;
}

function refusals({ refusals }: Review): Section {
  const items = refusals.map(({ policy, message }) => `- ${code(policy)}: ${code(firstLine(message))}`);
  return { title: "**Policies that fail**", items };
}

function advice({ advice }: Review): Section {
  const items = advice.map(({ policy, message }) => `- ${code(policy)}: ${code(firstLine(message))}`);
  return { title: "**Advice of the policies**", items };
}

function warnings({ newWarnings }: Review): Section {
  return { title: "**New warnings**", items: newWarnings.map((warning) => `- ${code(oneLine(warning))}`) };
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] as string;
}

function oneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, " ");
}

/** Dropped roles first: they matter most when there are too many to show. */
const order: RoleChange["what"][] = ["dropped", "recreated", "adopted", "new password", "created"];

function roles({ roles, limits }: Changes): Section {
  const sorted = roles.toSorted((a, b) => order.indexOf(a.what) - order.indexOf(b.what));
  const isCreated = ({ what }: RoleChange) => what === "created";
  return {
    title: "**Roles and limits**",
    items: [
      ...sorted.filter((role) => !isCreated(role)).map(roleLine),
      ...limits.map(({ role, from, to }) => `- ${code(role)}: limit ${code(from)} → ${code(to)}`),
      ...sorted.filter(isCreated).map(roleLine),
    ],
  };
}

function roleLine({ role, what, limit, access }: RoleChange): string {
  if (what === "new password") return `- ${code(role)} gets a new password`;
  if (what === "dropped") return `- ${code(role)} is dropped with all its privileges`;
  const is = what === "recreated" ? "is dropped and created again" : `is ${what}`;
  const login = limit === undefined || Number.isNaN(limit) ? "" : `: limit ${limit === -1 ? "unlimited" : limit}`;
  const levels = access.slice(0, 5).map(([level, database]) => `${level} of ${code(database)}`);
  return `- ${code(role)} ${is}${login}${levels.map((level) => `, ${level}`).join("")}`;
}

function privilegeSums(privileges: PrivilegeChange[]): { gained: number; lost: number } {
  return {
    gained: privileges.reduce((sum, { gained }) => sum + total(gained), 0),
    lost: privileges.reduce((sum, { lost }) => sum + total(lost), 0),
  };
}

function total(sums: Map<string, number>): number {
  return [...sums.values()].reduce((sum, each) => sum + each, 0);
}

function privileges({ privileges }: Changes): Section {
  // Roles that change in the same way share a line; losses first.
  const groups = Map.groupBy(privileges, (change) => JSON.stringify([change.database, privilegeWords(change)]));
  const sorted = [...groups.values()].sort(([a], [b]) => lossOf(b) - lossOf(a));
  const items = sorted.map((group) => {
    const [first] = group as [PrivilegeChange];
    const names = list(
      group.map(({ role }) => role),
      { most: 6, limit: 400 },
    );
    return `- ${names} in ${code(first.database)}${group.length > 1 ? ", each" : ""}: ${privilegeWords(first)}`;
  });
  return {
    title: "**Privileges**",
    items,
    details: { summary: "Privileges by object", items: sorted.flatMap(([first]) => (first ? objectLines(first) : [])) },
  };
}

function lossOf(change: PrivilegeChange | undefined): number {
  if (!change) return 0;
  return total(change.lost) + (change.isRemoved ? 1_000_000 : 0);
}

function privilegeWords({ gained, lost, future, isRemoved }: PrivilegeChange): string {
  const words = (sums: Map<string, number>) =>
    [...sums]
      .sort(([, a], [, b]) => b - a)
      .map(([privilege, objects]) => `${code(privilege)} on ${number(objects)}`)
      .join(", ");
  return [
    ...(isRemoved ? ["loses all that the stack granted"] : []),
    ...(lost.size > 0 ? [`loses ${words(lost)}`] : []),
    ...(gained.size > 0 ? [`gains ${words(gained)}`] : []),
    ...(future > 0 ? [`default privileges in ${count(future, "place")}`] : []),
  ].join("; ");
}

function objectLines({ role, database, objects }: PrivilegeChange): string[] {
  return [...objects].map(
    ([change, names]) =>
      `- ${code(role, 80)} in ${code(database, 80)}: ${code(change, 200)}: ${list(names, { most: 30, limit: 500 })}`,
  );
}

function movedObjects(owners: OwnerChange[]): number {
  return owners.reduce((sum, change) => sum + change.count, 0);
}

function owners({ owners }: Changes): Section {
  const items = owners.map(({ database, count: moved, moves, also, isRemoved }) => {
    const directions = [...moves]
      .slice(0, 4)
      .map(([move, names]) => `${code(move.replace(" -> ", " → "))} ${number(names.length)}`);
    const parts = [
      ...(isRemoved ? ["the owners in the baseline are restored"] : []),
      ...(moved > 0 ? [`${count(moved, "object")} (${directions.join(", ")}${moves.size > 4 ? ", ..." : ""})`] : []),
      ...(also > 0 ? [`default privileges and records in ${count(also, "place")}`] : []),
    ];
    return `- ${code(database)}: ${parts.join("; ")}`;
  });
  const details = owners.flatMap(({ database, moves }) =>
    [...moves].map(
      ([move, names]) =>
        `- ${code(database, 80)}: ${code(move.replace(" -> ", " → "), 200)}: ${list(names, { most: 40, limit: 800 })}`,
    ),
  );
  return { title: "**Objects that change owner**", items, details: { summary: "Objects by owner", items: details } };
}

function services({ services }: Changes): Section {
  return { title: "**Services**", items: services.map(({ service, what }) => `- ${code(service)}: ${code(what)}`) };
}

function settings({ settings }: Changes): Section {
  const items = settings.map(({ change, roles }) => `- ${code(change)} for ${list(roles, { most: 10, limit: 500 })}`);
  return { title: "**Settings**", items };
}

function others({ others }: Changes): Section {
  const items = others.map(({ what, type, name, paths }) => {
    const differing = paths.length > 0 ? ` (${list(paths, { most: 6, limit: 300 })})` : "";
    return `- ${code(type, 120)} ${code(name, 120)} ${what}${differing}`;
  });
  return { title: "**Other resources**", items };
}
