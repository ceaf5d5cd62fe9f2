import { readableShellWord } from "../../../model/shell-word.ts";
import { existingRoleContract } from "../../../provider/existing-role/contract.ts";
import { existingRole } from "../../../provider/existing-role/resource.ts";
import { ownershipContract } from "../../../provider/ownership/contract.ts";
import { ownership } from "../../../provider/ownership/resource.ts";
import type { Server } from "../../../provider/postgres/connection.ts";
import { existingRoles } from "../../../provider/postgres/roles.ts";
import { privilegesContract } from "../../../provider/privileges/contract.ts";
import { PrivilegeReader } from "../../../provider/privileges/reader.ts";
import { privileges } from "../../../provider/privileges/resource.ts";
import { publicPrivilegesContract } from "../../../provider/public-privileges/contract.ts";
import { publicPrivileges } from "../../../provider/public-privileges/resource.ts";
import { type Changes, type ContractedResource, toResource } from "../../../provider/reconciler.ts";
import type { Call } from "../../../provider/rpc/provider.ts";
import type { PropertyMap } from "../../../provider/rpc/values.ts";
import { roleSettingsContract } from "../../../provider/settings/contract.ts";
import { roleSettings } from "../../../provider/settings/resource.ts";
import { isLostConnection } from "../../postgres/lost-connection.ts";
import { type ExportedResource, nameOf, revealed } from "../../pulumi/state.ts";
import type { Context } from "../context.ts";
import type { Findings, Severity } from "../finding.ts";
import { membershipsOf, revokeMemberships } from "../memberships.ts";
import { roleDrift, roleType } from "../role-drift.ts";

/** Manual changes of what the last up set: the plans of the resources in the state must be empty. */
export async function checkDrift({ server, subject }: Context, findings: Findings): Promise<void> {
  if (!subject.declared) return;
  const { name, stack, state } = subject.declared;
  const up = `pulumi up --stack ${readableShellWord(name)}`;
  if (state instanceof Error) {
    findings.cannot("drift", state.message, "make the state readable: npx app-roles doctor says how");
    return;
  }
  const resources = (state.resources ?? []).filter((each) => !each.delete);
  if (resources.length === 0) {
    const what = `no up of the stack ${name} has completed: none of what it declares is on the server`;
    findings.add({ check: "deployment", object: name, severity: "high", what, fix: up });
    return;
  }
  const types = resourceTypes(server, stack.server.admin.user);
  const missing = await missingRoles(server, resources);
  for (const resource of resources) {
    const inputs = revealed(resource.inputs ?? {}) as PropertyMap;
    // A dropped role is one finding, not one for each of its privileges.
    const role = inputs.role ?? inputs.name ?? inputs.owner;
    const title = titles[resource.type];
    if (title === undefined || (typeof role === "string" && missing.has(role))) continue;
    const subjectOf = title.subject.map((key) => String(inputs[key]));
    const words = `${title.words} ${subjectOf.join(" in ")}`;
    const isAdopted = typeof role === "string" && stack.roles[role]?.adopt === true;
    const changes = await readDrift(server, types, resource, inputs, isAdopted).catch((error: Error) => {
      if (isLostConnection(error)) throw error;
      return error;
    });
    if (changes instanceof Error || changes === undefined) {
      const why = changes?.message ?? "an older version of app-roles wrote its state";
      findings.cannot("drift", `${words}: ${why}`, up);
      continue;
    }
    const lines = Object.entries(changes).map(([key, change]) => `${key}: ${change}`);
    const [first, ...more] = lines;
    if (first === undefined) continue;
    findings.add({
      check: "drift",
      object: [title.key, ...subjectOf].join("/"),
      severity: title.severity,
      what: `${words} drifted (live -> declared): ${first}${more.length > 0 ? `, and ${more.length} more` : ""}`,
      fix: (await membershipFix(server, changes, String(role ?? ""))) ?? up,
      details: lines,
    });
  }
}

interface Title {
  /** In the finding's id. */
  key: string;
  severity: Severity;
  words: string;
  /** The inputs that name the role or database. */
  subject: string[];
}

const titles: Record<string, Title> = {
  [ownershipContract.token]: { key: "owners", severity: "high", words: "owners in", subject: ["database"] },
  [privilegesContract.token]: {
    key: "privileges",
    severity: "high",
    words: "privileges of",
    subject: ["role", "database"],
  },
  [roleSettingsContract.token]: { key: "settings", severity: "medium", words: "settings of", subject: ["role"] },
  [existingRoleContract.token]: {
    key: "existing-role",
    severity: "medium",
    words: "limit and settings of",
    subject: ["role"],
  },
  [publicPrivilegesContract.token]: {
    key: "public",
    severity: "medium",
    words: "privileges of PUBLIC on",
    subject: ["database"],
  },
  [roleType]: { key: "role", severity: "high", words: "attributes and memberships of", subject: ["name"] },
};

/** The plans are those of an up, even if the audit has another login. */
function resourceTypes(server: Server, admin: string): Map<string, ContractedResource> {
  const all = [
    toResource(ownership(server)),
    toResource(privileges(server, new PrivilegeReader(), undefined, admin)),
    toResource(roleSettings(server)),
    toResource(existingRole(server)),
    toResource(publicPrivileges(server)),
  ];
  return new Map(all.map((type) => [type.contract.token, type]));
}

/** What a refresh of the resource would find; undefined if its inputs cannot be read. */
async function readDrift(
  server: Server,
  types: Map<string, ContractedResource>,
  resource: ExportedResource,
  inputs: PropertyMap,
  isAdopted: boolean,
): Promise<Changes | undefined> {
  if (resource.type === roleType) return server.anySession((db) => roleDrift(db, inputs, isAdopted));
  const name = nameOf(resource.urn);
  const read = await types.get(resource.type)?.read(callOn(resource.urn), { id: name, inputs, olds: {} });
  return read?.outputs.changes as Changes | undefined;
}

/** A read reports nothing and is not cancelled. */
function callOn(urn: string): Call {
  const ignore = () => undefined;
  return {
    urn,
    name: nameOf(urn),
    report: { info: ignore, warn: ignore, progress: ignore },
    signal: new AbortController().signal,
  };
}

async function missingRoles(server: Server, resources: ExportedResource[]): Promise<Set<string>> {
  const names = resources
    .filter(({ type }) => type === roleType)
    .map(({ inputs }) => revealed(inputs?.name))
    .filter((name) => typeof name === "string");
  const existing = await server.anySession((db) => existingRoles(db, names));
  return new Set(names.filter((name) => !existing.has(name)));
}

/** A membership that the stack does not declare is not revoked by an up. */
async function membershipFix(server: Server, changes: Changes, role: string): Promise<string | undefined> {
  const groups = Object.keys(changes).flatMap((key) => /^member of (.*)$/s.exec(key)?.[1] ?? []);
  if (groups.length === 0 || groups.length < Object.keys(changes).length) return undefined;
  const memberships = await server.anySession((db) => membershipsOf(db, role));
  return revokeMemberships(
    memberships.filter(({ group }) => groups.includes(group)),
    role,
  );
}
