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
import { previousOwners } from "./previous-owners.ts";
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
import type { WarningKind } from "./warning.ts";

/** What would quietly break, by the resource that says so in preview. */

export const ownershipWarnings: WarningKind<OwnershipFacts>[] = [
  unreadableViews,
  rowSecurityOfOwner,
  definerRoutines,
  superuserDefiners,
  previousOwners,
  ledgers,
  closedSchemas,
  strayedHeirs,
  keptObjects,
  ownerLimits,
];

export const privilegesWarnings: WarningKind<RoleFacts>[] = [
  clientAuthentication,
  readerViews,
  rowSecurityOfReaders,
  superuserInvokers,
  serialColumns,
];

export const settingsWarnings: WarningKind<SettingsFacts>[] = [legacySettings, idleSessions];

export const databaseWarnings: WarningKind<DatabaseFacts>[] = [undeclaredTables, unmovedObjects];

export const serverWarnings: WarningKind<ServerFacts>[] = [limitedAdmin, publicConnect];
