import type { AlterTableCmd, AlterTableStmt, GrantStmt, Node, ObjectType, RenameStmt } from "libpg-query";
import type { UsedKind } from "../evidence.ts";
import type { StatementContext } from "./context.ts";
import { createIn, currentDatabase, define, need, references } from "./definitions.ts";
import type { NamedUse, ObjectName } from "./effects.ts";
import { allOf, asNode, type Handlers, namedBy, objectOf, relationOf, strings } from "./nodes.ts";
import { kindOf, namedObject, wordsOf } from "./object-types.ts";

/** Statements that change or drop objects, which takes their ownership. */
export function alterations(context: StatementContext): Handlers {
  const { collector } = context;
  const change = (
    command: string,
    kind: UsedKind,
    object: ObjectName | undefined,
    needs: NamedUse[] = [],
    ifNotExists = false,
  ) => {
    const own = object ? [need(kind, object, "OWNER")] : [];
    define(context, { command, kind, object, ifNotExists, isTemporary: false, needs: [...own, ...needs] });
  };
  const altered = (type: ObjectType, names: Node[] | undefined) =>
    change(`ALTER ${wordsOf(type)}`, kindOf(type), namedBy(strings(names)));
  const newOwner = (role: string | undefined) =>
    collector.unknown(
      `ALTER ... OWNER TO ${role ?? "another role"} needs SET ROLE to it, and its CREATE on the schema`,
    );
  return {
    AlterTableStmt: (stmt) => alterTable(stmt, context, change, newOwner),
    AlterSeqStmt: ({ sequence }) => change("ALTER SEQUENCE", "sequence", relationOf(sequence ?? {})),
    AlterEnumStmt: ({ typeName, skipIfNewValExists }) =>
      change("ALTER TYPE", "type", namedBy(strings(typeName)), [], skipIfNewValExists),
    AlterTypeStmt: ({ typeName }) => altered("OBJECT_TYPE", typeName),
    AlterDomainStmt: ({ typeName }) => altered("OBJECT_DOMAIN", typeName),
    AlterCollationStmt: ({ collname }) => altered("OBJECT_COLLATION", collname),
    AlterStatsStmt: ({ defnames }) => altered("OBJECT_STATISTIC_EXT", defnames),
    AlterTSDictionaryStmt: ({ dictname }) => altered("OBJECT_TSDICTIONARY", dictname),
    AlterTSConfigurationStmt: ({ cfgname }) => altered("OBJECT_TSCONFIGURATION", cfgname),
    AlterOperatorStmt: ({ opername }) => altered("OBJECT_OPERATOR", opername?.objname),
    AlterFunctionStmt: ({ objtype = "OBJECT_FUNCTION", func }) => altered(objtype, func?.objname),
    AlterPolicyStmt: ({ table }) => change("ALTER POLICY", "table", relationOf(table ?? {})),
    AlterExtensionStmt: ({ extname = "" }) => change("ALTER EXTENSION", "other", { name: extname }),
    AlterExtensionContentsStmt: ({ extname = "" }) => change("ALTER EXTENSION", "other", { name: extname }),
    AlterPublicationStmt: ({ pubname = "" }) => change("ALTER PUBLICATION", "other", { name: pubname }),
    AlterDatabaseStmt: ({ dbname = "" }) => change("ALTER DATABASE", "database", { name: dbname }),
    AlterDatabaseSetStmt: ({ dbname = "" }) => change("ALTER DATABASE", "database", { name: dbname }),
    AlterDatabaseRefreshCollStmt: ({ dbname = "" }) => change("ALTER DATABASE", "database", { name: dbname }),
    AlterOwnerStmt: ({ objectType, object, newowner }) => {
      change(`ALTER ${wordsOf(objectType)}`, kindOf(objectType), namedObject(objectType, object));
      newOwner(newowner?.rolename);
    },
    AlterObjectSchemaStmt: ({ objectType, relation, object, newschema = "" }) => {
      const named = relation ? relationOf(relation) : namedObject(objectType, object);
      const create = need("schema", { name: newschema }, "CREATE");
      change(`ALTER ${wordsOf(objectType)}`, kindOf(objectType), named, [create]);
    },
    AlterObjectDependsStmt: ({ objectType, relation, object }) => {
      const named = relation ? relationOf(relation) : namedObject(objectType, object);
      change(`ALTER ${wordsOf(objectType)}`, kindOf(objectType), named);
    },
    RenameStmt: (stmt) => rename(stmt, context, change),
    DropStmt: ({ removeType, objects = [] }) => {
      for (const node of objects) {
        change(`DROP ${wordsOf(removeType)}`, kindOf(removeType), namedObject(removeType, node));
      }
    },
    DropdbStmt: ({ dbname = "" }) => change("DROP DATABASE", "database", { name: dbname }),
    CommentStmt: ({ objtype, object }) => change("COMMENT", kindOf(objtype), namedObject(objtype, object)),
    SecLabelStmt: ({ objtype, object }) => change("SECURITY LABEL", kindOf(objtype), namedObject(objtype, object)),
    GrantStmt: (stmt) => grant(stmt, context, change),
    AlterDefaultPrivilegesStmt: ({ options }) => {
      define(context, {
        command: "ALTER DEFAULT PRIVILEGES",
        kind: "other",
        ifNotExists: false,
        isTemporary: false,
        needs: [],
      });
      const isOfOthers = allOf("DefElem", options).some(({ defname }) => defname === "roles");
      if (isOfOthers) collector.unknown("ALTER DEFAULT PRIVILEGES FOR ROLE needs membership in the role");
    },
  };
}

type Change = (
  command: string,
  kind: UsedKind,
  object: ObjectName | undefined,
  needs?: NamedUse[],
  ifNotExists?: boolean,
) => void;

function alterTable(
  { relation, cmds, objtype }: AlterTableStmt,
  { collector }: StatementContext,
  change: Change,
  newOwner: (role: string | undefined) => void,
): void {
  const object = relationOf(relation ?? {});
  const commands = allOf("AlterTableCmd", cmds);
  for (const { subtype, newowner } of commands) {
    if (subtype === "AT_ChangeOwner") newOwner(newowner?.rolename);
    if (subtype === "AT_EnableTrigAll" || subtype === "AT_DisableTrigAll") {
      collector.unknown("ENABLE and DISABLE TRIGGER ALL are for superusers if the table has foreign keys");
    }
  }
  const isHarmless =
    commands.length > 0 && commands.every(({ subtype, missing_ok }) => subtype === "AT_AddColumn" && missing_ok);
  const needs = commands.flatMap((command) => needsOf(command, object));
  change(`ALTER ${wordsOf(objtype)}`, kindOf(objtype), object, needs, isHarmless);
}

/** What a part of ALTER TABLE needs besides the ownership of the table. */
function needsOf({ subtype, def, name }: AlterTableCmd, table: ObjectName): NamedUse[] {
  const constraint = asNode("Constraint", def);
  if (constraint) return references(constraint, table);
  const added = asNode("ColumnDef", def);
  if (added) return allOf("Constraint", added.constraints).flatMap((each) => references(each, table));
  const partition = asNode("PartitionCmd", def)?.name;
  if (partition && subtype === "AT_AttachPartition") return [need("table", relationOf(partition), "OWNER")];
  const parent = asNode("RangeVar", def);
  if (parent) return [need("table", relationOf(parent), "OWNER")];
  if (subtype === "AT_SetTableSpace" && name !== undefined) return [need("other", { name }, "CREATE")];
  return [];
}

function rename(stmt: RenameStmt, { collector }: StatementContext, change: Change): void {
  const { renameType, relationType, relation, object, subname = "" } = stmt;
  if (renameType === "OBJECT_ROLE") {
    collector.unknown("ALTER ROLE needs CREATEROLE");
    return;
  }
  const onPart = renameType === "OBJECT_COLUMN" || renameType === "OBJECT_ATTRIBUTE";
  const type = onPart ? relationType : renameType;
  const named = relation
    ? relationOf(relation)
    : renameType === "OBJECT_SCHEMA" || renameType === "OBJECT_DATABASE"
      ? { name: subname }
      : namedObject(renameType, object);
  const kind = kindOf(type);
  const moves =
    !onPart && renameType !== "OBJECT_TABCONSTRAINT" && ["table", "sequence", "type", "function"].includes(kind);
  const needs = moves
    ? [createIn(named)]
    : renameType === "OBJECT_SCHEMA"
      ? [need("database", currentDatabase, "CREATE")]
      : [];
  change(`ALTER ${wordsOf(type)}`, kind, named, needs);
  if (renameType === "OBJECT_DATABASE") collector.unknown("ALTER DATABASE ... RENAME needs CREATEDB");
}

function grant(stmt: GrantStmt, { collector }: StatementContext, change: Change): void {
  const { is_grant, targtype, objtype, objects = [] } = stmt;
  const command = is_grant ? "GRANT" : "REVOKE";
  if (targtype !== "ACL_TARGET_OBJECT") {
    for (const schema of strings(objects)) {
      change(command, kindOf(objtype), undefined);
      collector.unknown(`${command} on all objects in ${schema} needs their ownership`);
    }
    return;
  }
  for (const node of objects) change(command, kindOf(objtype), objectOf(node));
}
