import type { BudgetEntry } from "../../model/budget.ts";
import { durationText } from "../../model/duration.ts";
import type { Preview, Step } from "./preview.ts";

/** What an up changes, as far as people care: no records, no resources that only guard others. */
export interface Changes {
  budgets: Budget[];
  roles: RoleChange[];
  limits: { role: string; from: string; to: string }[];
  privileges: PrivilegeChange[];
  owners: OwnerChange[];
  services: { service: string; what: string }[];
  /** Setting to its change, with the roles that share it. */
  settings: { change: string; roles: string[] }[];
  /** Everything else, so that a review leaves nothing out. */
  others: { what: string; type: string; name: string; paths: string[] }[];
}

export interface Budget {
  name: string;
  before: Sum | undefined;
  /** Undefined if the preview failed before it. */
  after: Sum | undefined;
}

export interface Sum {
  total: number;
  ceiling: number;
}

export interface RoleChange {
  role: string;
  what: "created" | "adopted" | "dropped" | "recreated" | "new password";
  /** Undefined if it cannot log in. */
  limit: number | undefined;
  /** `reader of shop`. */
  access: [level: string, database: string][];
}

export interface PrivilegeChange {
  role: string;
  database: string;
  /** Privilege to the number of objects. */
  gained: Map<string, number>;
  lost: Map<string, number>;
  /** Places whose default privileges change: for objects made later. */
  future: number;
  /** The up takes all its privileges in the database. */
  isRemoved: boolean;
  /** Change to the objects that share it. */
  objects: Map<string, string[]>;
}

export interface OwnerChange {
  database: string;
  count: number;
  /** `postgres -> shop_owner` to the objects. */
  moves: Map<string, string[]>;
  /** Other lines, such as default privileges. */
  also: number;
  isRemoved: boolean;
}

type Kind = (step: Step, to: Changes, all: Step[]) => void;

const ours = "pgaccess:index:";

/** Types whose steps are shown in their own way; `undefined` shows nothing. */
const kinds: Record<string, Kind> = {
  "postgresql:index/role:Role": seeRole,
  "random:index/randomPassword:RandomPassword": seePassword,
  [`${ours}ConnectionBudget`]: seeBudget,
  [`${ours}ExistingRole`]: seeExistingRole,
  [`${ours}RoleSettings`]: (step, to) => seeSettings(step, to, step.changes),
  [`${ours}Privileges`]: seePrivileges,
  [`${ours}PublicPrivileges`]: seePublicPrivileges,
  [`${ours}Ownership`]: seeOwnership,
  [`${ours}ServiceUrl`]: seeServiceUrl,
  [`${ours}ServiceEnv`]: seeServiceEnv,
  [`${ours}ContainerName`]: seeService,
  [`${ours}LegacyUrl`]: seeService,
  [`${ours}Rehearsal`]: nothing,
  [`${ours}Baseline`]: nothing,
  [`${ours}LoginTurn`]: nothing,
  [`${ours}Cutovers`]: nothing,
  [`${ours}RollbackScript`]: nothing,
  [`${ours}CutoverGate`]: nothing,
  [`${ours}DestroyGuard`]: nothing,
};

/** Components and the stack itself: what they contain is shown. */
export const isComponent = (type: string) => type === "pulumi:pulumi:Stack" || type.startsWith("app-roles:index:");

export function changesOf({ steps }: Preview): Changes {
  const to: Changes = {
    ...{ budgets: [], roles: [], limits: [], privileges: [], owners: [], services: [], settings: [], others: [] },
  };
  for (const step of steps) {
    const kind = kinds[step.type];
    if (kind === seeBudget) seeBudget(step, to);
    else if (step.op !== "same" && !isComponent(step.type)) {
      (kind ?? seeOther)(step, to, steps);
    }
  }
  to.services = combined(to.services);
  return to;
}

function nothing(): void {}

function seeBudget({ name, op, old, new: next }: Step, { budgets, limits }: Changes): void {
  const [before, after] = [entriesOf(old.entries), op === "delete" ? undefined : entriesOf(next.entries)];
  budgets.push({ name, before: sumOf(before, old.ceiling), after: sumOf(after, next.ceiling) });
  if (!before || !after) return;
  for (const { role, limit } of after) {
    const from = before.find((each) => each.role === role)?.limit;
    if (from !== undefined && from !== limit) addLimit(limits, { role, from: String(from), to: String(limit) });
  }
}

function entriesOf(value: unknown): BudgetEntry[] | undefined {
  return Array.isArray(value) ? (value as BudgetEntry[]) : undefined;
}

function sumOf(entries: BudgetEntry[] | undefined, ceiling: unknown): Sum | undefined {
  if (!entries) return undefined;
  return { total: entries.reduce((sum, { limit }) => sum + Number(limit), 0), ceiling: Number(ceiling) };
}

/** The server's value wins over the declared one: it is what the up starts from. */
function addLimit(limits: Changes["limits"], limit: Changes["limits"][number], isLive = false): void {
  const known = limits.find(({ role }) => role === limit.role);
  if (!known) limits.push(limit);
  else if (isLive) known.from = limit.from;
}

function seeRole(step: Step, { roles, limits, settings }: Changes, all: Step[]): void {
  const { op, old, new: next } = step;
  const state = op === "delete" ? old : next;
  const role = String(state.name);
  const limit = state.login === false ? undefined : Number(state.connectionLimit);
  const what = roleOperations[op];
  if (what) roles.push({ role, what, limit, access: what === "dropped" ? [] : accessOf(role, all) });
  if (op !== "delete") addSettings(settings, role, roleProperties(step));
  if (op !== "update" || old.connectionLimit === next.connectionLimit) return;
  addLimit(limits, { role, from: words(old.connectionLimit), to: words(next.connectionLimit) }, true);
}

/** Settings that the official Role manages. */
const roleSettings: Record<string, string> = {
  statementTimeout: "statement_timeout",
  idleInTransactionSessionTimeout: "idle_in_transaction_session_timeout",
  searchPaths: "search_path",
};

/** The limit has its own line, and the rest is of the plugin. */
const shownElsewhere = ["connectionLimit", "skipReassignOwned", "skipDropRole", "encryptedPassword"];

/** The engine's text for a value that the up computes. */
const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** Settings of a new role, and any property of an existing one that differs, in words. */
function roleProperties({ op, old, new: next, paths }: Step): Record<string, string> {
  const roots = op === "update" ? paths.map((path) => path.split(/[.[]/)[0] as string) : Object.keys(roleSettings);
  const differing = [...new Set(roots)].filter((key) => !shownElsewhere.includes(key));
  const words = differing.flatMap((key): [string, string][] => {
    const name = roleSettings[key] ?? key;
    // Only the properties of `read` are known; a password is not.
    if (op === "update" && !Object.hasOwn(old, key) && !Object.hasOwn(next, key)) return [[name, "changes"]];
    const [from, to] = [propertyWords(key, old[key]), propertyWords(key, next[key])];
    return from === to ? [] : [[name, `${from} -> ${to}`]];
  });
  return Object.fromEntries(words);
}

function propertyWords(key: string, value: unknown): string {
  const isSetting = Object.hasOwn(roleSettings, key);
  if (value === unknown) return "not known yet";
  if (value === undefined || value === null || (isSetting && value === 0)) return "unset";
  if (isSetting && typeof value === "number") return durationText(value);
  return Array.isArray(value) ? value.map(String).join(", ") : String(value);
}

const roleOperations: Record<string, RoleChange["what"]> = {
  create: "created",
  import: "adopted",
  delete: "dropped",
  "create-replacement": "recreated",
};

function words(limit: unknown): string {
  return limit === -1 ? "unlimited" : String(limit);
}

function accessOf(role: string, all: Step[]): RoleChange["access"] {
  return all
    .filter(({ type, op, new: inputs }) => type === `${ours}Privileges` && op !== "delete" && inputs.role === role)
    .map(({ new: { access, database } }) => [String(access ?? "explicit grants"), String(database)]);
}

function seePassword({ op, name }: Step, { roles }: Changes): void {
  if (op === "create-replacement") roles.push({ role: name, what: "new password", limit: undefined, access: [] });
}

function seeExistingRole(step: Step, to: Changes): void {
  const { "connection limit": limit, ...settings } = step.changes;
  const role = String((step.op === "delete" ? step.old : step.new).role);
  const [from, next] = (limit ?? "").split(" -> ");
  if (from !== undefined && next !== undefined) addLimit(to.limits, { role, from, to: next }, true);
  if (step.op === "delete") seeSettings(step, to, { "limit and settings": "restored from the baseline" });
  else seeSettings(step, to, settings);
}

function seeSettings({ op, old, new: next }: Step, { settings }: Changes, changes: Record<string, string>): void {
  addSettings(settings, String((op === "delete" ? old : next).role), changes);
}

function addSettings(settings: Changes["settings"], role: string, changes: Record<string, string>): void {
  for (const [setting, value] of Object.entries(changes)) {
    const change = `${setting}: ${value}`;
    const known = settings.find((each) => each.change === change);
    if (known) known.roles.push(role);
    else settings.push({ change, roles: [role] });
  }
}

function seePrivileges({ op, old, new: next, changes }: Step, { privileges }: Changes): void {
  const { role, database } = op === "delete" ? old : next;
  const names = { role: String(role), database: String(database), isRemoved: op === "delete" };
  const found = { ...privilegesIn(changes), ...names };
  if (found.isRemoved || found.objects.size > 0) privileges.push(found);
}

type Privileges = Omit<PrivilegeChange, "role" | "database" | "isRemoved">;

/** Roles with equal plans share the sums too. */
const known = new WeakMap<Step["changes"], Privileges>();

function privilegesIn(changes: Step["changes"]): Privileges {
  const found = known.get(changes) ?? { gained: new Map(), lost: new Map(), future: 0, objects: new Map() };
  if (known.has(changes)) return found;
  known.set(changes, found);
  for (const [object, change] of Object.entries(changes)) {
    push(found.objects, change, object);
    if (object.startsWith("default privileges of ")) found.future += 1;
    else addPrivileges(found, change);
  }
  return found;
}

/** `grant SELECT, INSERT; revoke DELETE`. */
function addPrivileges({ gained, lost }: Privileges, change: string): void {
  for (const part of change.split("; ")) {
    const [verb, ...names] = part.split(/,? /);
    for (const name of names) {
      const sums = verb === "revoke" ? lost : gained;
      sums.set(name, (sums.get(name) ?? 0) + 1);
    }
  }
}

/** `PUBLIC: CONNECT` to `revoked; granted to a, b`. */
function seePublicPrivileges({ op, new: next, old, changes }: Step, { privileges }: Changes): void {
  const database = String((op === "delete" ? old : next).database);
  const found = { role: "PUBLIC", database, isRemoved: false, ...privilegesIn({}) };
  for (const [object, change] of Object.entries(changes)) {
    push(found.objects, change, object);
    const privilege = object.replace(/^PUBLIC: /, "");
    (change.startsWith("revoked") ? found.lost : found.gained).set(privilege, 1);
  }
  if (found.objects.size > 0) privileges.push(found);
}

function seeOwnership({ op, old, new: next, changes }: Step, { owners }: Changes): void {
  const database = String((op === "delete" ? old : next).database);
  const found: OwnerChange = { database, count: 0, moves: new Map(), also: 0, isRemoved: op === "delete" };
  for (const [object, change] of Object.entries(changes)) {
    const move = /^owner (.*)$/s.exec(change)?.[1];
    if (move === undefined) found.also += 1;
    else {
      push(found.moves, move, object);
      found.count += 1;
    }
  }
  if (found.isRemoved || found.count + found.also > 0) owners.push(found);
}

function push(groups: Map<string, string[]>, key: string, name: string): void {
  const names = groups.get(key);
  if (names) names.push(name);
  else groups.set(key, [name]);
}

function seeServiceUrl({ op, name, old, new: next }: Step, { services }: Changes): void {
  const { connectAs, role, isDeployed } = next;
  const service = String(next.service ?? name);
  if (op === "delete") services.push({ service: String(old.service ?? name), what: "leaves the stack" });
  else if (connectAs === "role" && old.connectAs !== "role") services.push({ service, what: `is cut over to ${role}` });
  else if (connectAs === "legacy" && old.connectAs === "role")
    services.push({ service, what: "is rolled back to its legacy URL" });
  else if (op === "update") services.push({ service, what: "gets another URL" });
  if (op === "update" && isDeployed !== true) services.push({ service, what: "you restart it with its new URL" });
}

function seeServiceEnv({ op, name, old, new: next, changes }: Step, { services }: Changes): void {
  const service = String((op === "delete" ? old : next).service ?? name);
  const places = Object.keys(changes);
  const isRestarted =
    places.length > 0 || (op === "create" && next.connectAs === "role") || old.connectAs !== next.connectAs;
  if (op === "delete") services.push({ service, what: "restarts with its legacy URL, if it does not run with it" });
  else if (isRestarted) {
    const through = places.length > 0 ? `, through ${places.join(", ")}` : "";
    services.push({
      service,
      what: `restarts ${next.connectAs === "role" ? `as ${next.role}` : "with its legacy URL"}${through}`,
    });
  }
}

/** `url: the admin's previous password -> the current one`, `container api of compose: stopped`. */
function seeService({ name, new: next, service, changes }: Step, { services }: Changes): void {
  for (const [object, change] of Object.entries(changes)) {
    services.push({ service: String(next.service ?? service ?? name), what: `${object}: ${change}` });
  }
}

const deployments: Record<string, string> = {
  "docker:index/container:Container": "its container",
  "docker:index/service:Service": "its swarm service",
  "docker:index/secret:Secret": "the Docker secret with its URL",
};

const verbs: Record<string, string> = {
  create: "is created",
  import: "is imported",
  update: "is updated",
  delete: "is removed",
  "create-replacement": "is replaced",
};

function seeOther({ type, op, name, service, paths }: Step, { services, others }: Changes): void {
  const deployment = deployments[type];
  const what = verbs[op] ?? op;
  if (deployment !== undefined && service !== undefined) services.push({ service, what: `${deployment} ${what}` });
  // A provider that is created or removed with the stack says nothing; another address or user does.
  else if (!type.startsWith("pulumi:providers:") || op === "update" || op === "create-replacement") {
    others.push({ what, type, name, paths });
  }
}

/** All that happens to a service on one line. */
function combined(services: Changes["services"]): Changes["services"] {
  const byName = Map.groupBy(services, ({ service }) => service);
  return [...byName].map(([service, all]) => {
    const what = [...new Set(all.map(({ what }) => what))];
    // The cutover or rollback first, then what it takes.
    const first = what.filter((each) => each.startsWith("is "));
    return { service, what: [...first, ...what.filter((each) => !first.includes(each))].join("; ") };
  });
}
