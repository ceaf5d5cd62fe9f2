import { clientAuthentication } from "./client-authentication.ts";
import type { DatabaseFacts, OwnershipFacts, RoleFacts, ServerFacts, SettingsFacts } from "./facts.ts";
import { strayedHeirs } from "./heirs-elsewhere.ts";
import { closedSchemas, ledgers } from "./ledgers.ts";
import { idleSessions, legacySettings } from "./legacy-settings.ts";
import { limitedAdmin } from "./limited-admin.ts";
import { keptObjects, ownerLimits } from "./owner-limits.ts";
import { previousOwners } from "./previous-owners.ts";
import { publicConnect } from "./public-connect.ts";
import { definerRoutines } from "./routines.ts";
import { rowSecurityOfOwner, rowSecurityOfReaders } from "./row-security.ts";
import { serialColumns } from "./serial-columns.ts";
import { superuserDefiners, superuserInvokers } from "./superuser-code.ts";
import { undeclaredTables } from "./undeclared-tables.ts";
import { unmovedObjects } from "./unmoved-objects.ts";
import { readerViews, unreadableViews } from "./unreadable-views.ts";
import type { WarningKind } from "./warning.ts";

/** The kinds of warnings by the resource that prints them in preview. */

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
