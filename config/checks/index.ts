import { configPath } from "../../model/config-path.ts";
import { cutoverProblem } from "../../model/cutover.ts";
import { DatabaseUrlError, databaseUrlDatabase, databaseUrlUser } from "../../model/database-url.ts";
import { didYouMean } from "../../model/did-you-mean.ts";
import { grantsProblems } from "../../model/grants.ts";
import { identifierProblem, roleNameProblem, schemaNameProblem } from "../../model/identifier.ts";
import { alternateLogins, roleNames } from "../../model/login-roles.ts";
import { isPattern, parseObjectName } from "../../model/object-name.ts";
import { completePool, poolProblem } from "../../model/pool.ts";
import { completeServer } from "../../model/server.ts";
import type { SslMode } from "../../model/stack.ts";
import type { At, Problem } from "../config-error.ts";
import type { Section, Sections } from "../sections.ts";
import { checkMigrationComplete, checkRuntimes } from "./runtimes.ts";

/** Problems between the sections. A reference to an invalid entry is not reported, because that entry's own error is. */
export function sectionProblems(sections: Sections, fileProblem: FileProblem): Problem[] {
  const problems: Problem[] = [];
  const at = (...path: PropertyKey[]) => ({
    refuse(message: string | undefined): void {
      if (message !== undefined) problems.push({ path: configPath(path), message });
    },
  });
  checkServer(sections, at, fileProblem);
  checkDatabases(sections, at);
  checkRoles(sections, at);
  checkRotation(sections, at);
  checkServices(sections, at);
  checkPools(sections, at);
  checkServiceSecrets(sections, at);
  checkRuntimes(sections, at);
  checkMigrationComplete(sections, at);
  return problems;
}

/** Why a file cannot be used as a root certificate; undefined if it can. */
export type FileProblem = (file: string) => string | undefined;

function checkServer({ server }: Sections, at: At, fileProblem: FileProblem): void {
  if (!server) return;
  if (server.admin?.host !== undefined && server.admin.container !== undefined) {
    at("server", "admin", "container").refuse(
      `has no effect with ${configPath(["server", "admin", "host"])}; keep one of the two`,
    );
  }
  const { sslrootcert } = server;
  if (sslrootcert !== undefined) {
    at("server", "sslrootcert").refuse(
      fileProblem(sslrootcert) ?? sslmodeProblem(sslrootcert, completeServer(server).admin.sslmode),
    );
  }
}

/** A certificate that is never checked would only look safe. */
function sslmodeProblem(sslrootcert: string, sslmode: SslMode): string | undefined {
  const key = configPath(["server", "admin", "sslmode"]);
  if (sslmode === "disable") return `has no effect with sslmode disable; set ${key} to verify-full, or remove it`;
  // As in libpq and the official provider's driver: anyone can get a certificate from one of the system's authorities.
  if (sslrootcert === "system" && sslmode !== "verify-full") return `system needs verify-full; set ${key} to it`;
  return undefined;
}

function checkDatabases({ databases, roles }: Sections, at: At): void {
  for (const name of databases.declared) at("databases", name).refuse(identifierProblem(name));
  for (const [name, { schemas, owner, keepOwner, alsoOwn, rehearseSql }] of databases.valid) {
    const here = (...path: PropertyKey[]) => at("databases", name, ...path);
    if (schemas.length === 0) here("schemas").refuse("expected at least one schema, found an empty list");
    for (const [i, schema] of schemas.entries()) {
      here("schemas", i).refuse(schemas.indexOf(schema) < i ? `${schema} is given twice` : schemaNameProblem(schema));
    }
    if (owner === undefined) {
      if (Object.keys(keepOwner).length > 0)
        here("keepOwner").refuse("has no effect without an owner; remove it or name the owner");
      if (alsoOwn.length > 0) here("alsoOwn").refuse("has no effect without an owner; remove it or name the owner");
      if (rehearseSql.length > 0)
        here("rehearseSql").refuse("has no effect without an owner to run it as; remove it or name the owner");
      continue;
    }
    here("owner").refuse(undeclared("roles", owner, roles));
    const access = roles.valid.get(owner)?.access;
    if (access && ownAccess(access, name) !== "owner") {
      here("owner").refuse(
        `${owner} owns the objects of ${name}, but its access there is ${ownAccess(access, name) ?? "not declared"}; set ${configPath(["roles", owner, "access", name])} to owner`,
      );
    }
    for (const [object, keeper] of Object.entries(keepOwner)) {
      here("keepOwner", object).refuse(identifierProblem(keeper) ?? outsideProblem(object, schemas));
    }
    for (const [i, object] of alsoOwn.entries()) here("alsoOwn", i).refuse(insideProblem(object, schemas, owner));
  }
}

const needsDatabase = "needs at least one of app-roles:databases, whose baseline records the role's previous state";

function checkRoles({ databases, roles, existingRoles, server }: Sections, at: At): void {
  for (const name of roles.declared) {
    at("roles", name).refuse(roleNameProblem(name));
    if (server && name === completeServer(server).admin.user) {
      at("roles", name).refuse(
        "is the admin of the server (server.admin.user), which this stack takes the services off; choose another name",
      );
    }
    if (existingRoles.declared.has(name)) {
      at("roles", name).refuse("is in existingRoles too and would count twice; keep it in one of the two");
    }
  }
  for (const name of existingRoles.declared) at("existingRoles", name).refuse(identifierProblem(name));
  for (const [name, { enforce, settings }] of existingRoles.valid) {
    if (enforce && databases.declared.size === 0 && databases.isReadable) {
      at("existingRoles", name, "enforce").refuse(needsDatabase);
    }
    if (!enforce && Object.keys(settings).length > 0) {
      at("existingRoles", name, "settings").refuse("has no effect without enforce: true; set that, or remove it");
    }
  }
  for (const [name, { access, adopt, grants }] of roles.valid) {
    if (adopt && databases.declared.size === 0 && databases.isReadable)
      at("roles", name, "adopt").refuse(needsDatabase);
    for (const [database, one] of Object.entries(grants)) {
      at("roles", name, "grants", database).refuse(undeclared("databases", database, databases));
      for (const { path, message } of grantsProblems(one))
        at("roles", name, "grants", database, ...path).refuse(message);
    }
    for (const [database, level] of Object.entries(access)) {
      const here = at("roles", name, "access", database);
      here.refuse(undeclared("databases", database, databases));
      const declared = databases.valid.get(database);
      if (level !== "owner" || !declared || declared.owner === name) continue;
      here.refuse(
        declared.owner === undefined
          ? `${database} has no owner; set ${configPath(["databases", database, "owner"])} to ${name}, or the access to writer`
          : `${database} is owned by ${declared.owner}, and only its owner can have this access; write writer or reader`,
      );
    }
  }
}

/** The stack also creates the login roles of `rotation: alternate`, so their names must be free. */
function checkRotation({ roles, existingRoles, server }: Sections, at: At): void {
  const admin = server && completeServer(server).admin.user;
  for (const [name, { rotation, adopt }] of roles.valid) {
    if (rotation !== "alternate") continue;
    const here = at("roles", name, "rotation");
    if (adopt) {
      here.refuse("has no effect on an adopted role, whose login is restored at the end; remove rotation or adopt");
    }
    for (const login of alternateLogins(name)) {
      const section = [roles, existingRoles].find(({ declared }) => declared.has(login));
      const taken = section && `is also declared under app-roles:${section === roles ? "roles" : "existingRoles"}`;
      const problem = identifierProblem(login) ?? taken ?? (login === admin ? "is the admin of the server" : undefined);
      if (problem !== undefined) here.refuse(`its login role ${login}: ${problem}; choose another name for ${name}`);
    }
  }
}

function checkServices({ databases, roles, services }: Sections, at: At): void {
  for (const name of services.declared) {
    if (!/^[\w.-]{1,63}$/.test(name))
      at("services", name).refuse("expected a name of at most 63 letters, digits, _, . or -");
  }
  for (const [name, { database, role, connectAs, migrates }] of services.valid) {
    const here = (...path: PropertyKey[]) => at("services", name, ...path);
    here("database").refuse(undeclared("databases", database, databases));
    here("role").refuse(undeclared("roles", role, roles));
    const found = roles.valid.get(role);
    const hasAccess = found && (Object.hasOwn(found.access, database) || Object.hasOwn(found.grants, database));
    if (found && databases.declared.has(database) && !hasAccess) {
      here("role").refuse(
        `${role} has no access to ${database}; add ${configPath(["roles", role, "access", database])}`,
      );
    }
    const problem = cutoverProblem({ database, role, connectAs, migrates }, databases.valid.get(database));
    // An undeclared role was reported above.
    if (problem && (problem.key !== "role" || roles.declared.has(role))) here(problem.key).refuse(problem.message);
  }
}

/** Counted regardless of connectAs, so that a limit that is too low is not found by the last cutover. */
function checkPools({ roles, services }: Sections, at: At): void {
  for (const [name, { connectionLimit }] of roles.valid) {
    const users = [...services.valid]
      .filter(([, { role }]) => role === name)
      .map(([service, declared]) => ({ service, pool: completePool(declared), migrates: declared.migrates }));
    at("roles", name, "connectionLimit").refuse(poolProblem(name, connectionLimit, users));
  }
}

function checkServiceSecrets({ services, serviceSecrets, roles }: Sections, at: At): void {
  for (const name of serviceSecrets.declared) at("serviceSecrets", name).refuse(undeclared("services", name, services));
  for (const [name, { legacyUrl }] of serviceSecrets.valid) {
    if (legacyUrl === undefined) continue;
    const here = at("serviceSecrets", name, "legacyUrl");
    try {
      const user = databaseUrlUser(legacyUrl);
      const own = [...roles.declared, ...roleNames(Object.fromEntries(roles.valid))];
      if (user !== undefined && own.includes(user)) {
        here.refuse(`its user is ${user}, a role of this stack; give the URL that the service had before its cutover`);
      }
      const database = databaseUrlDatabase(legacyUrl);
      const expected = services.valid.get(name)?.database;
      if (expected !== undefined && database !== expected) {
        // The name is not printed: in a URL without an @ it is the end of a password.
        here.refuse(
          `it names ${database === undefined ? "no" : "another"} database, but ${configPath(["services", name, "database"])} is ${expected}`,
        );
      }
    } catch (error) {
      if (!(error instanceof DatabaseUrlError)) throw error;
      here.refuse(`expected a Postgres URL (value not shown): ${error.message}`);
    }
  }
}

function undeclared(section: string, name: string, { declared, isReadable }: Section<unknown>): string | undefined {
  if (declared.has(name) || !isReadable) return undefined;
  const meant = didYouMean(name, declared);
  return `${name} is not declared under app-roles:${section}${meant ? `; did you mean ${meant}?` : ""}`;
}

function ownAccess<T>(access: Record<string, T>, database: string): T | undefined {
  return Object.hasOwn(access, database) ? access[database] : undefined;
}

function outsideProblem(object: string, schemas: string[]): string | undefined {
  const name = parseObjectName(object);
  if (name && schemas.includes(name.schema)) return undefined;
  return `expected schema.object with one of the schemas ${schemas.join(", ")}${quotesNeeded(schemas)}`;
}

function insideProblem(object: string, schemas: string[], owner: string): string | undefined {
  const name = parseObjectName(object);
  if (!name) return `expected schema.object, found "${object}"`;
  if (isPattern(name))
    return `expected one object, found the pattern "${object}"; a name with * or ? needs double quotes`;
  if (!schemas.includes(name.schema)) return undefined;
  return `${object} is in ${name.schema}, whose objects ${owner} owns anyway; remove it`;
}

function quotesNeeded(schemas: string[]): string {
  return schemas.some((schema) => /[."]/.test(schema)) ? "; a schema with a dot or a quote needs double quotes" : "";
}
