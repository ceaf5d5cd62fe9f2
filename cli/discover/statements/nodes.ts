import type { Node, TypeName } from "libpg-query";
import type { ObjectName } from "./effects.ts";

/** The types of the parser's nodes. */
export type NodeName = Node extends infer Each ? (Each extends unknown ? keyof Each : never) : never;
type NodeValue<Name extends NodeName> = Node extends infer Each
  ? Each extends Record<Name, infer Value>
    ? Value
    : never
  : never;

/** What to do with nodes of some types. */
export type Handlers = { [Name in NodeName]?: (node: NodeValue<Name>) => void };

/** The node if it is of this type. */
export function asNode<Name extends NodeName>(name: Name, node: Node | undefined): NodeValue<Name> | undefined {
  return (node as Partial<Record<Name, NodeValue<Name>>> | undefined)?.[name];
}

/** Those of the nodes that are of this type. */
export function allOf<Name extends NodeName>(name: Name, nodes: Node[] | undefined): NodeValue<Name>[] {
  return (nodes ?? []).flatMap((node) => asNode(name, node) ?? []);
}

/** Calls the handler of the node's type. False: there is none. */
export function handle(node: Node, handlers: Handlers): boolean {
  const [[name, value] = []] = Object.entries(node) as [NodeName, never][];
  const handler = name === undefined ? undefined : handlers[name];
  handler?.(value as never);
  return handler !== undefined;
}

/** Calls the handlers of all nodes below; what is in a handled node is left to its handler. */
export function walk(below: unknown, handlers: Handlers): void {
  if (Array.isArray(below)) for (const each of below) walk(each, handlers);
  else if (typeof below === "object" && below !== null) {
    for (const [name, value] of Object.entries(below)) {
      const handler = handlers[name as NodeName];
      if (handler) handler(value as never);
      else walk(value, handlers);
    }
  }
}

export function strings(nodes: Node[] | undefined): string[] {
  return allOf("String", nodes).map(({ sval }) => sval ?? "");
}

/** The object that a list of identifiers names; without a database in front. */
export function namedBy(parts: string[]): ObjectName {
  const [name = "", schema] = parts.toReversed();
  return schema === undefined ? { name } : { schema, name };
}

/** The object that RangeVar, TypeName, ObjectWithArgs, List or String name. */
export function objectOf(node: Node | undefined): ObjectName | undefined {
  if (!node) return undefined;
  const range = asNode("RangeVar", node);
  if (range) return relationOf(range);
  const name = asNode("String", node)?.sval;
  if (name !== undefined) return { name };
  const parts =
    asNode("List", node)?.items ?? asNode("TypeName", node)?.names ?? asNode("ObjectWithArgs", node)?.objname ?? [];
  return parts.length > 0 ? namedBy(strings(parts)) : undefined;
}

export function relationOf({
  schemaname,
  relname = "",
}: {
  schemaname?: string | undefined;
  relname?: string | undefined;
}): ObjectName {
  return schemaname === undefined ? { name: relname } : { schema: schemaname, name: relname };
}

export function typeOf(type: TypeName | undefined): ObjectName {
  return namedBy(strings(type?.names));
}

/** The value of a string constant, also one that is cast. */
export function stringConstant(node: Node | undefined): string | undefined {
  const cast = asNode("TypeCast", node);
  if (cast) return stringConstant(cast.arg);
  const named = asNode("NamedArgExpr", node);
  if (named) return stringConstant(named.arg);
  return asNode("A_Const", node)?.sval?.sval ?? (asNode("A_Const", node)?.sval ? "" : undefined);
}

/** The object in a text such as `"Old".t1`, by the rules of regclass. Undefined: not a name, for instance an OID. */
export function objectInText(text: string): ObjectName | undefined {
  const parts = [
    ...text.trim().matchAll(/(?:^|\s*\.\s*)(?:"((?:[^"]|"")+)"|([A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*))/gy),
  ];
  const end = parts.at(-1);
  if (!end || end.index + end[0].length !== text.trim().length || parts.length > 3) return undefined;
  return namedBy(parts.map(([, quoted, plain = ""]) => quoted?.replaceAll('""', '"') ?? plain.toLowerCase()));
}

/** The text of an option such as LANGUAGE. */
export function textOption(options: Node[] | undefined, name: string): string | undefined {
  return asNode("String", allOf("DefElem", options).find(({ defname }) => defname === name)?.arg)?.sval;
}
