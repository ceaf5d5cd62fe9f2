import { Document, isMap, isPair, isScalar, type Pair, parseDocument, type Scalar, type YAMLMap } from "yaml";
import { visible } from "../terminal/visible.ts";
import type { Decision, Proposal } from "./proposed/config.ts";

const namespace = "app-roles:";

/** The keys that a discovery writes; all others of an existing file are kept. */
const sections = ["server", "ceiling", "defaults", "databases", "roles", "existingRoles", "services"] as const;

const header = ` Proposed by app-roles discover. docs/config.md explains every key.
 Before the first preview: pulumi config set --secret adminPassword`;

/** Keys whose values are written on one line. */
const onOneLine = new Set(["pool", "schemas", "alsoOwn", "search_path"]);

/**
 * The proposal as a stack file. Everything in it is sorted, and it has no time and no count of statements: the same findings give
 * the same bytes. Of an `existing` file the keys that discovery does not write are kept.
 */
export function stackDocument({ config, decisions }: Proposal, existing?: string): string {
  const previous = existing === undefined ? undefined : parseDocument(existing);
  const document = new Document({ config: {} });
  document.commentBefore = header;
  for (const item of pairsOf(previous?.contents))
    if (nameOf(item) !== "config") document.setIn([nameOf(item)], item.value);
  const kept = previous?.getIn(["config"]);
  for (const item of isMap(kept) ? pairsOf(kept) : []) {
    const written: readonly string[] = sections.map((section) => namespace + section);
    if (!written.includes(nameOf(item))) document.setIn(["config", nameOf(item)], item.value);
  }
  for (const section of sections) {
    const value = config[section];
    if (typeof value === "object" && Object.keys(value).length === 0) continue;
    document.setIn(["config", namespace + section], document.createNode(value));
  }
  restyle(document.contents as unknown as YAMLMap);
  const groups = Map.groupBy(decisions, ({ path }) => JSON.stringify(path));
  for (const group of groups.values()) comment(document, group);
  for (const pair of pairsOf(document.getIn(["config"])).slice(1)) keyOf(document, pair).spaceBefore = true;
  return `${document.toString({ lineWidth: 0, flowCollectionPadding: false }).trimEnd()}\n`;
}

/** The comment of a list of decisions, before the deepest key of the path that exists. */
function comment(document: Document, decisions: Decision[]): void {
  const [first = "", ...rest] = decisions[0]?.path ?? [];
  const path = ["config", namespace + first, ...rest];
  while (path.length > 1 && !document.hasIn(path)) path.pop();
  const parent = document.getIn(path.slice(0, -1));
  const pair = isMap(parent) ? pairsOf(parent).find((each) => nameOf(each) === path.at(-1)) : undefined;
  if (!pair) return;
  keyOf(document, pair).commentBefore = decisions
    .flatMap(({ text, next }) => [...wrapped(visible(text)), ...(next === undefined ? [] : [` ${visible(next)}`])])
    .join("\n");
}

function keyOf(document: Document, pair: Pair): Scalar {
  if (!isScalar(pair.key)) pair.key = document.createNode(nameOf(pair));
  return pair.key as Scalar;
}

function wrapped(text: string, width = 110): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(` ${word}`);
  }
  return lines;
}

function restyle(map: YAMLMap): void {
  for (const pair of pairsOf(map)) {
    const { value } = pair;
    const isList = typeof value === "object" && value !== null && "items" in value && !isMap(value);
    if (isMap(value) && !onOneLine.has(nameOf(pair))) restyle(value);
    else if (isMap(value) || isList) (value as { flow?: boolean }).flow = true;
  }
}

function pairsOf(node: unknown): Pair[] {
  return isMap(node) ? node.items.filter(isPair) : [];
}

function nameOf({ key }: Pair): string {
  return String(isScalar(key) ? key.value : key);
}
