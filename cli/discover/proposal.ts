import { defaultCeiling } from "../../model/budget.ts";
import { managedSchemas } from "./estate.ts";
import type { Need } from "./evidence.ts";
import { planPools } from "./limits.ts";
import { appRoleNames, ownerRoleNames } from "./names.ts";
import {
  type Decide,
  type Decision,
  type Findings,
  isOwner,
  type Proposal,
  type ProposedConfig,
  type WithNeed,
} from "./proposed/config.ts";
import { databasesOf } from "./proposed/databases.ts";
import { defaultSettings, rolesOf } from "./proposed/roles.ts";
import { existingRolesOf, serverOf } from "./proposed/server.ts";
import { serviceOf } from "./proposed/services.ts";

/** A service whose statements are not known. */
const nothingSeen: Need = { access: "writer", migrates: "unconfirmed", grants: {}, alsoOwn: [], reasons: [] };

/** @param ownRoles roles that the stack of the file has already created */
export function propose(findings: Findings, ownRoles: ReadonlySet<string> = new Set()): Proposal {
  const { server, who, needs, activity } = findings;
  const decisions: Decision[] = [];
  const decide: Decide = (path, text, next) => {
    decisions.push({ path, text, ...(next !== undefined && { next }) });
  };
  const estates = findings.estates.filter((estate) => managedSchemas(estate).length > 0);
  const estateOf = (database: string) => estates.find(({ name }) => name === database);
  const services = who.services
    .filter(({ database }) => estateOf(database))
    .map((seen) => ({ seen, need: needs.get(seen.name) ?? nothingSeen }))
    .toSorted((a, b) => rankOf(a.need) - rankOf(b.need));
  const left = who.services.filter(({ database }) => !estateOf(database));
  const roles = namesOf(services, new Set(server.roleNames.filter((role) => !ownRoles.has(role))));
  const withRoles = services.map((service) => ({ ...service, role: roles.get(service.seen.name) as string }));

  const existingRoles = existingRolesOf(findings, ownRoles, decide);
  const counted = Object.values(existingRoles).reduce((sum, { connectionLimit }) => sum + connectionLimit, 0);
  const plan = planPools(
    services.map(({ seen, need }) => ({
      service: seen.name,
      sessions: seen.perReplica,
      busy: seen.busyPerReplica,
      replicas: seen.replicas,
      migrates: need.migrates,
    })),
    counted,
    server.slots,
  );
  const config: ProposedConfig = {
    server: serverOf(findings, decide),
    ceiling: plan?.ceiling ?? Math.max(1, counted),
    defaults: { settings: { ...defaultSettings } },
    databases: databasesOf(estates, withRoles, activity, decide),
    roles: rolesOf(findings, withRoles, plan, decide),
    existingRoles,
    services: Object.fromEntries(
      withRoles.map(({ seen, need, role }) => [
        seen.name,
        serviceOf(findings, { seen, need, role }, plan?.pools.get(seen.name), decide),
      ]),
    ),
  };
  if (plan?.fit === "fewer idle" || plan?.fit === "fewer than busy") {
    const seen = services.reduce((sum, each) => sum + each.seen.sessions, 0);
    const busy = plan.fit === "fewer than busy" ? " Some had more busy sessions at once than they get here." : "";
    decide(
      ["ceiling"],
      `The pools seen (${seen} sessions) and the existing roles (${counted}) do not fit under ${plan.ceiling} of ${server.slots.max} connections: pools are lowered to what fits.${busy} Set each service's own pool to its max here before its cutover, or raise max_connections.`,
    );
  } else if (plan && plan.ceiling > defaultCeiling) {
    decide(["ceiling"], "Above the default of the policy pack: give it the same ceiling with --policy-pack-config.");
  }
  return { config, decisions: inFileOrder(decisions, config), plan, services: withRoles, left };
}

function inFileOrder(decisions: Decision[], config: ProposedConfig): Decision[] {
  const sections = Object.keys(config);
  const rank = ({ path: [section = "", entry = ""] }: Decision) => {
    const entries = config[section as keyof ProposedConfig];
    return [sections.indexOf(section), typeof entries === "object" ? Object.keys(entries).indexOf(entry) : 0];
  };
  return decisions.toSorted((a, b) => {
    const [[x = 0, u = 0], [y = 0, v = 0]] = [rank(a), rank(b)];
    return x - y || u - v;
  });
}

/** Cutover order: the lowest risk first, what is not confirmed last. */
function rankOf({ access, migrates }: Need): number {
  if (migrates === "unconfirmed") return 3;
  return ["reader", "writer", "owner"].indexOf(migrates ? "owner" : access);
}

/** Service to its role; the owners of a database share one. */
function namesOf(services: WithNeed[], taken: ReadonlySet<string>): Map<string, string> {
  const databases = [...new Set(services.filter(isOwner).map(({ seen }) => seen.database))].toSorted();
  const owners = ownerRoleNames(databases, taken);
  const others = services.filter((service) => !isOwner(service)).map(({ seen }) => seen.name);
  const apps = appRoleNames(others, new Set([...taken, ...owners.values()]));
  return new Map(
    services.map(({ seen, need }) => [
      seen.name,
      (isOwner({ seen, need }) ? owners.get(seen.database) : apps.get(seen.name)) as string,
    ]),
  );
}
