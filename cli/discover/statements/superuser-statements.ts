import type { StatementContext } from "./context.ts";
import { define } from "./definitions.ts";
import type { Handlers, NodeName } from "./nodes.ts";

/** Statements that take an attribute of the role or a superuser, which no grant on an object gives. */
const needs: { [Name in NodeName]?: [command: string, needs: string] } = {
  AlterSystemStmt: ["ALTER SYSTEM", "is for superusers"],
  AlterTableMoveAllStmt: ["ALTER ... ALL IN TABLESPACE", "needs the ownership of what it moves"],
  AlterTableSpaceOptionsStmt: ["ALTER TABLESPACE", "needs the ownership of the tablespace"],
  CreateTableSpaceStmt: ["CREATE TABLESPACE", "is for superusers"],
  DropTableSpaceStmt: ["DROP TABLESPACE", "needs the ownership of the tablespace"],
  CreatedbStmt: ["CREATE DATABASE", "needs CREATEDB"],
  CreateRoleStmt: ["CREATE ROLE", "needs CREATEROLE"],
  AlterRoleStmt: ["ALTER ROLE", "needs CREATEROLE, except for the role's own password"],
  AlterRoleSetStmt: ["ALTER ROLE", "needs CREATEROLE, except for the role's own settings"],
  DropRoleStmt: ["DROP ROLE", "needs CREATEROLE"],
  GrantRoleStmt: ["GRANT ROLE", "needs the ADMIN option on the role"],
  DropOwnedStmt: ["DROP OWNED", "needs membership in the role"],
  ReassignOwnedStmt: ["REASSIGN OWNED", "needs membership in both roles"],
  CreateSubscriptionStmt: ["CREATE SUBSCRIPTION", "needs pg_create_subscription, before PostgreSQL 16 a superuser"],
  AlterSubscriptionStmt: ["ALTER SUBSCRIPTION", "needs the ownership of the subscription"],
  DropSubscriptionStmt: ["DROP SUBSCRIPTION", "needs the ownership of the subscription"],
  CreateEventTrigStmt: ["CREATE EVENT TRIGGER", "is for superusers"],
  AlterEventTrigStmt: ["ALTER EVENT TRIGGER", "needs the ownership of the event trigger"],
  CreateFdwStmt: ["CREATE FOREIGN DATA WRAPPER", "is for superusers"],
  AlterFdwStmt: ["ALTER FOREIGN DATA WRAPPER", "is for superusers"],
  CreateForeignServerStmt: ["CREATE SERVER", "needs USAGE on the foreign data wrapper"],
  AlterForeignServerStmt: ["ALTER SERVER", "needs the ownership of the foreign server"],
  CreateUserMappingStmt: ["CREATE USER MAPPING", "needs USAGE on the foreign server"],
  AlterUserMappingStmt: ["ALTER USER MAPPING", "needs USAGE on the foreign server"],
  DropUserMappingStmt: ["DROP USER MAPPING", "needs USAGE on the foreign server"],
  ImportForeignSchemaStmt: ["IMPORT FOREIGN SCHEMA", "needs USAGE on the foreign server, and CREATE on the schema"],
  CreateAmStmt: ["CREATE ACCESS METHOD", "is for superusers"],
  CreatePLangStmt: ["CREATE LANGUAGE", "is for superusers"],
  CreateOpClassStmt: ["CREATE OPERATOR CLASS", "is for superusers"],
  CreateOpFamilyStmt: ["CREATE OPERATOR FAMILY", "is for superusers"],
  AlterOpFamilyStmt: ["ALTER OPERATOR FAMILY", "is for superusers"],
  CreateCastStmt: ["CREATE CAST", "needs the ownership of one of the types"],
  CreateTransformStmt: ["CREATE TRANSFORM", "needs the ownership of the type"],
};

export function superuserStatements(context: StatementContext): Handlers {
  return Object.fromEntries(
    Object.entries(needs).map(([name, [command, reason]]) => [
      name,
      () => {
        define(context, { command, kind: "other", ifNotExists: false, isTemporary: false, needs: [] });
        context.collector.unknown(`${command} ${reason}`);
      },
    ]),
  );
}
