import type { Certainty } from "../evidence.ts";
import { type Effects, emptyHabits, type NamedUse } from "./effects.ts";

/** System catalogs that are not for everyone. */
const restricted = new Set([
  "pg_authid",
  "pg_shadow",
  "pg_statistic",
  "pg_statistic_ext_data",
  "pg_user_mapping",
  "pg_largeobject",
  "pg_hba_file_rules",
  "pg_ident_file_mappings",
  "pg_file_settings",
  "pg_config",
  "pg_backend_memory_contexts",
  "pg_shmem_allocations",
  "pg_replication_origin_status",
]);

/** Collects the effects of one statement. */
export class Collector {
  readonly effects: Effects = {
    uses: [],
    calls: [],
    ddl: [],
    habits: emptyHabits(),
    bodies: [],
    unknown: [],
  };
  /** How certain what is added from now on is at most. */
  certainty: Certainty = "certain";
  readonly #uses = new Map<string, NamedUse>();

  /** `columns`: undefined is the whole table or not known, [] any column. */
  use(use: Omit<NamedUse, "certainty">, certainty: Certainty = "certain"): void {
    const { schema, name } = use.object;
    if (schema === "information_schema" || schema === "pg_toast") return;
    if (schema === "pg_catalog" && !restricted.has(name)) return;
    const object = schema === undefined && restricted.has(name) ? { schema: "pg_catalog", name } : use.object;
    const key = JSON.stringify([use.kind, object.schema, name, use.privilege, use.ofColumn]);
    const known = this.#uses.get(key);
    const sure = this.certainty === "certain" ? certainty : "likely";
    if (!known) {
      this.#uses.set(key, { ...use, object, certainty: sure });
      return;
    }
    known.columns =
      known.columns === undefined || use.columns === undefined
        ? undefined
        : [...new Set([...known.columns, ...use.columns])];
    if (sure === "certain") known.certainty = sure;
  }

  unknown(reason: string): void {
    if (!this.effects.unknown.includes(reason)) this.effects.unknown.push(reason);
  }

  finish(): Effects {
    const uses = [...this.#uses.values()].map((use) => {
      const { columns, ...rest } = use;
      return columns && columns.length > 0 ? { ...rest, columns: columns.toSorted() } : rest;
    });
    return { ...this.effects, uses };
  }
}
