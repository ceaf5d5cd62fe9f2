import { expect, test } from "vitest";
import { appRoleNames, ownerRoleNames } from "../../../cli/discover/names.ts";

test("roles are named after the runbook's examples", () => {
  expect([...appRoleNames(["dashboard_api", "gateway", "cron"], new Set()).values()]).toEqual([
    "dashboard_app",
    "gateway_app",
    "cron_app",
  ]);
  expect([...ownerRoleNames(["tracksolid_db", "fleet_platform"], new Set()).values()]).toEqual([
    "tracksolid_owner",
    "fleet_platform_owner",
  ]);
});

test("names are valid, unique and none of the server's", () => {
  const names = appRoleNames(
    ["shop_api", "shop_server", "Pg-Backup", "1st", "pg_thing", "例", "x".repeat(80)],
    new Set(["shop_api_app"]),
  );
  expect([...names.values()]).toEqual([
    "shop_api_app_2",
    "shop_server_app",
    "app_pg_backup_app_2",
    "s_1st_app",
    "app_pg_thing_app_2",
    "s__app",
    `${"x".repeat(50)}_app`,
  ]);
});
