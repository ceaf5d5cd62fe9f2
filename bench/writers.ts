import type { Server } from "../provider/postgres/connection.ts";
import { privileges } from "../provider/privileges/resource.ts";
import { toResource } from "../provider/reconciler.ts";
import type { ResourceType } from "../provider/rpc/provider.ts";
import type { PropertyMap } from "../provider/rpc/values.ts";
import { roleSettings } from "../provider/settings/resource.ts";
import { roleNames, type Size, schemaNames, silentCall } from "./estate.ts";

/** As in the plugin: one of each type, for all databases. */
export interface WriterTypes {
  settings: ResourceType;
  privileges: ResourceType;
}

export function writerTypes(admin: Server): WriterTypes {
  return { settings: toResource(roleSettings(admin)), privileges: toResource(privileges(admin)) };
}

/** The plugin's resources for the roles of one database: settings, privileges as a writer, default privileges. */
export class Writers {
  readonly #resources: { type: ResourceType; inputs: PropertyMap }[];
  readonly #inState: PropertyMap[] = [];

  constructor(types: WriterTypes, database: string, size: Size) {
    const wanted = { database, access: "writer", schemas: schemaNames(size), creators: ["postgres"] };
    this.#resources = roleNames(database, size).flatMap((role) => [
      { type: types.settings, inputs: { role, settings: { idle_session_timeout: "30min" } } },
      { type: types.privileges, inputs: { role, ...wanted } },
    ]);
  }

  /** Like a first up. */
  async apply(): Promise<void> {
    for (const { type, inputs } of this.#resources) {
      const checked = await type.check(silentCall, { news: inputs, randomSeed: new Uint8Array() });
      await type.create(silentCall, { inputs: checked.inputs, preview: false, timeout: 0 });
      this.#inState.push(checked.inputs);
    }
  }

  /** Like a preview after it. Throws if a change is left. */
  async plan(): Promise<void> {
    let pending = 0;
    for (const [index, { type, inputs }] of this.#resources.entries()) {
      const olds = this.#inState[index] as PropertyMap;
      const { inputs: news } = await type.check(silentCall, { olds, news: inputs, randomSeed: new Uint8Array() });
      pending += Object.keys(news.changes as PropertyMap).length;
    }
    if (pending > 0) throw new Error(`after the first apply ${pending} changes are still planned`);
  }
}

/** The same as hand-written SQL, with whole-schema forms, for the roles of a database of that name. */
export function handwrittenTransaction(database: string, size: Size): string {
  const statements = roleNames(database, size).flatMap((role) => [
    `ALTER ROLE ${role} SET idle_session_timeout = '30min'`,
    `GRANT CONNECT, TEMPORARY ON DATABASE ${database} TO ${role}`,
    ...schemaNames(size).flatMap((schema) => [
      `GRANT USAGE ON SCHEMA ${schema} TO ${role}`,
      `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO ${role}`,
      `GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA ${schema} TO ${role}`,
      `ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA ${schema} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO ${role}`,
      `ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA ${schema} GRANT USAGE, SELECT ON SEQUENCES TO ${role}`,
      `ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA ${schema} GRANT EXECUTE ON FUNCTIONS TO ${role}`,
      `ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA ${schema} GRANT USAGE ON TYPES TO ${role}`,
    ]),
  ]);
  return `BEGIN; ${statements.join("; ")}; COMMIT`;
}
