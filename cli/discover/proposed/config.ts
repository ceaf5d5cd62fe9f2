import type { Grants } from "../../../model/grants.ts";
import type { Pool } from "../../../model/pool.ts";
import type { Access, Migrates } from "../../../model/stack.ts";
import type { ServerAddress } from "../../../provider/postgres/connection.ts";
import type { Activity } from "../activity.ts";
import type { DatabaseEstate } from "../estate.ts";
import type { Need } from "../evidence.ts";
import type { PoolPlan } from "../limits.ts";
import type { ServerFacts } from "../server-facts.ts";
import type { SeenService, Who } from "../services.ts";

/** Everything that a discovery found out. */
export interface Findings {
  address: ServerAddress;
  server: ServerFacts;
  /** Name of the server's own container, as Docker knows it. */
  serverContainer: string | undefined;
  who: Who;
  /** Databases in use. */
  estates: DatabaseEstate[];
  /** By service. */
  needs: Map<string, Need>;
  /** By database; without those whose beginning was not seen. */
  activity: Map<string, Activity>;
}

/** Something that a person must decide: a comment at `path` in the file, and a line of the report. */
export interface Decision {
  /** Below `config`, the first without its namespace: `["services", "cron", "migrates"]`. */
  path: string[];
  text: string;
  /** The command that records the decision. */
  next?: string;
}

export type Decide = (path: string[], text: string, next?: string) => void;

export type Value = string | number | boolean | null | string[];

/** The sections of a stack's configuration, in the order of the file. */
export interface ProposedConfig {
  server: { host: string; port: number; admin: Record<string, string | number | boolean> };
  ceiling: number;
  defaults: { settings: Record<string, Value> };
  databases: Record<
    string,
    { schemas: string[]; owner?: string; keepOwner?: Record<string, string>; alsoOwn?: string[] }
  >;
  roles: Record<
    string,
    {
      connectionLimit: number;
      access: Record<string, Access>;
      grants?: Record<string, Grants>;
      settings?: Record<string, Value>;
    }
  >;
  existingRoles: Record<string, { connectionLimit: number; enforce?: true }>;
  services: Record<
    string,
    {
      database: string;
      role: string;
      connectAs: "legacy";
      urlKey?: string;
      migrates: Migrates;
      pool: Pool;
      runtime: "external";
    }
  >;
}

/** A proposed configuration with what is left to decide. */
export interface Proposal {
  config: ProposedConfig;
  decisions: Decision[];
  /** Undefined: nothing fits under the ceiling. */
  plan: PoolPlan | undefined;
  /** Services by name, in cutover order, with the role that is proposed. */
  services: { seen: SeenService; need: Need; role: string }[];
  /** Services without an object that could be managed. */
  left: SeenService[];
}

/** A service that is proposed. */
export type WithNeed = Pick<Proposal["services"][number], "seen" | "need">;

/** The same, with its role. */
export type WithRole = Proposal["services"][number];

export function isOwner({ need }: WithNeed): boolean {
  return need.migrates === true || need.access === "owner";
}

export function listOf(names: string[]): string {
  return names.length > 1 ? `${names.slice(0, -1).join(", ")} and ${names.at(-1)}` : (names[0] ?? "");
}
