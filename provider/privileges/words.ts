import { listOf } from "../postgres/explain.ts";
import { type Place, type PrivilegePlan, privilegeName } from "./plan.ts";
import type { Held } from "./table.ts";

/** The plan in words: object to `grant SELECT; revoke INSERT, UPDATE`. */
export function describePrivileges(plan: PrivilegePlan): Record<string, string> {
  const lines = new Map<string, { grant: string[]; revoke: string[] }>();
  const at = (key: string) => {
    const line = lines.get(key) ?? { grant: [], revoke: [] };
    lines.set(key, line);
    return line;
  };
  for (const { place, privileges } of plan.grants) at(place.key).grant.push(inWords(place, privileges));
  for (const { place, held } of plan.revokes) at(place.key).revoke.push(inWords(place, namesOf(held)));
  return Object.fromEntries(
    [...lines].map(([key, { grant, revoke }]) => [
      key,
      [
        ...(grant.length > 0 ? [`grant ${grant.join(", ")}`] : []),
        ...(revoke.length > 0 ? [`revoke ${revoke.join(", ")}`] : []),
      ].join("; "),
    ]),
  );
}

/** `INSERT on tickets.t9, USAGE on schema audit`. */
export function describeHeld(held: PrivilegePlan["byHand"]): string {
  return listOf(held.map((one) => `${inWords(one.place, namesOf(one.held))} on ${one.place.key}`));
}

function inWords(place: Place, privileges: string[]): string {
  return privilegeName(place, privileges.join(", "));
}

function namesOf(held: Held[]): string[] {
  return [...new Set(held.map(({ privilege }) => privilege))];
}

/**
 * The line of the summary: `dashboard_app: SELECT on 43 relations, 2 missing: tickets.t9, reporting.x; USAGE on 3 schemas`;
 * after the up (`done`) with `granted` instead of `missing`. Of a new role: `dashboard_app, all missing: SELECT on 43 relations; ...`.
 */
export function summarizePrivileges(role: string, plan: PrivilegePlan, done: boolean): string {
  const missingIds = new Set(plan.grants.map(({ place }) => idOf(place)));
  const groups = new Map<string, { rank: number; text: (count: number) => string; places: Place[] }>();
  for (const { place, privileges } of plan.wanted) {
    const { id, ...group } = groupOf(place, privileges);
    const known = groups.get(id);
    if (known) known.places.push(place);
    else groups.set(id, { ...group, places: [place] });
  }
  const word = done ? "granted" : "missing";
  const isWhole = plan.wanted.length > 0 && plan.wanted.every(({ place }) => missingIds.has(idOf(place)));
  const parts = [...groups.values()]
    .sort((a, b) => a.rank - b.rank)
    .map(({ text, places }) => {
      const missing = places.filter((place) => missingIds.has(idOf(place)));
      const names = [...new Set(missing.map(({ key }) => key))];
      if (isWhole || names.length === 0) return text(places.length);
      if (missing.length === places.length) return `${text(places.length)}, all ${word}`;
      return `${text(places.length)}, ${names.length} ${word}: ${listOf(names)}`;
    });
  const revoked = [...new Set(plan.revokes.map(({ place }) => place.key))];
  if (revoked.length > 0) parts.push(`${done ? "revoked" : "to be revoked"} on ${listOf(revoked)}`);
  return `${role}${isWhole ? `, all ${word}` : ""}: ${parts.join("; ")}`;
}

function groupOf(place: Place, privileges: string[]): { id: string; rank: number; text: (count: number) => string } {
  if ("future" in place) {
    const { creator } = place.future;
    return { id: `future ${creator}`, rank: 5, text: () => `default privileges of ${creator}` };
  }
  const what = privileges.join(", ");
  const [rank, one, many] = nounOf(place.object.kind, what);
  return {
    id: `${what} ${many}`,
    rank,
    text: (count) => (rank === 4 ? `${what} on the ${one}` : `${what} on ${count} ${count === 1 ? one : many}`),
  };
}

function nounOf(kind: string, what: string): [rank: number, one: string, many: string] {
  switch (kind) {
    case "database":
      return [4, "database", "databases"];
    case "schema":
      return [3, "schema", "schemas"];
    case "column":
      return [0, "column", "columns"];
    case "routine":
      return [1, "routine", "routines"];
    case "type":
      return [2, "type", "types"];
    case "sequence":
      return what === "SELECT" ? [0, "relation", "relations"] : [0, "sequence", "sequences"];
    default:
      return [0, "relation", "relations"];
  }
}

function idOf(place: Place): string {
  return "future" in place ? JSON.stringify([place.key, place.future.on]) : place.key;
}
