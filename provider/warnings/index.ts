import { clientAuthentication } from "./client-authentication.ts";
import type { DatabaseFacts } from "./database-facts.ts";
import { definerRoutines } from "./definer-routines.ts";
import { strayedHeirs } from "./heirs-elsewhere.ts";
import { idleSessions } from "./idle-sessions.ts";
import { keptObjects } from "./kept-objects.ts";
import { closedSchemas, ledgers } from "./ledgers.ts";
import { legacySettings } from "./legacy-settings.ts";
import { limitedAdmin } from "./limited-admin.ts";
import { ownerLimits } from "./owner-limits.ts";
import type { OwnershipFacts } from "./ownership-facts.ts";
import { formerOwners } from "./previous-owners.ts";
import { publicConnect } from "./public-connect.ts";
import { readerViews } from "./reader-views.ts";
import type { RoleFacts } from "./role-facts.ts";
import { rowSecurityOfOwner, rowSecurityOfReaders } from "./row-security.ts";
import { serialColumns } from "./serial-columns.ts";
import type { ServerFacts } from "./server-facts.ts";
import type { SettingsFacts } from "./settings-facts.ts";
import { superuserDefiners, superuserInvokers } from "./superuser-code.ts";
import { undeclaredTables } from "./undeclared-tables.ts";
import { unmovedObjects } from "./unmoved-objects.ts";
import { unreadableViews } from "./unreadable-views.ts";
import type { HazardKind } from "./warning.ts";

/** What would quietly break, by the resource that says so in preview. */

export const ownershipHazards: HazardKind<OwnershipFacts>[] = [
  unreadableViews,
  rowSecurityOfOwner,
  definerRoutines,
  superuserDefiners,
  formerOwners,
  ledgers,
  closedSchemas,
  strayedHeirs,
  keptObjects,
  ownerLimits,
];

export const privilegesHazards: HazardKind<RoleFacts>[] = [
  clientAuthentication,
  readerViews,
  rowSecurityOfReaders,
  superuserInvokers,
  serialColumns,
];

export const settingsHazards: HazardKind<SettingsFacts>[] = [legacySettings, idleSessions];

export const databaseHazards: HazardKind<DatabaseFacts>[] = [undeclaredTables, unmovedObjects];

export const serverHazards: HazardKind<ServerFacts>[] = [limitedAdmin, publicConnect];
