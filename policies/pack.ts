import { PolicyPack } from "@pulumi/policy";
import { connectionBudgetPolicy } from "./connection-budget.ts";
import { legacyServicesPolicy, noLegacyServicesPolicy } from "./legacy-services.ts";
import { limitedRolesPolicy } from "./limited-roles.ts";
import { boundedLiveRolesPolicy, liveRolesPolicy } from "./live-roles.ts";
import { poolsFitPolicy } from "./pools-fit.ts";
import { sessionTimeoutsPolicy } from "./session-timeouts.ts";
import { unprivilegedRolesPolicy } from "./unprivileged-roles.ts";

new PolicyPack("app-roles", {
  policies: [
    connectionBudgetPolicy,
    limitedRolesPolicy,
    unprivilegedRolesPolicy,
    sessionTimeoutsPolicy,
    poolsFitPolicy,
    legacyServicesPolicy,
    noLegacyServicesPolicy,
    liveRolesPolicy,
    boundedLiveRolesPolicy,
  ],
});
