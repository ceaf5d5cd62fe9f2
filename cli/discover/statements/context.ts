import type { Node } from "libpg-query";
import type { Collector } from "./collector.ts";
import type { QueryReader } from "./queries.ts";

/** What the readers of a statement work with. */
export interface StatementContext {
  collector: Collector;
  queries: QueryReader;
  /** Of the statement alone. */
  text: string;
  /** Reads a statement that is part of this one. */
  read(statement: Node | undefined): void;
}
