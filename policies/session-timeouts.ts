import type { StackValidationPolicy } from "@pulumi/policy";
import { milliseconds } from "../model/duration.ts";
import { appRoles } from "./login-role.ts";
import {
  isValues,
  plainResource,
  type Resource,
  settingsType,
  type Value,
  type Violation,
  valueText,
} from "./resource.ts";

const idle = "idle_session_timeout";
const idleInTransaction = "idle_in_transaction_session_timeout";

/** Mandatory: idle sessions of an app role end, in and outside a transaction. */
export const sessionTimeoutsPolicy: StackValidationPolicy = {
  name: "session-timeouts",
  description: "Every app role has idle_session_timeout and idle_in_transaction_session_timeout.",
  enforcementLevel: "mandatory",
  validateStack: (args, report) => {
    for (const { message, urn } of timeoutViolations(args.resources.map(plainResource))) report(message, urn);
  },
};

export function timeoutViolations(resources: Resource[]): Violation[] {
  return appRoles(resources).flatMap(({ role, resource }) => {
    const ofRole = resources.filter(({ type, props }) => type === settingsType && props.role === role);
    const settings = ofRole.flatMap(({ props }) => settingsOf(props.settings));
    const perDatabase = ofRole.flatMap(({ props }) =>
      isValues(props.databases) ? Object.entries(props.databases) : [],
    );
    const found = [
      missing(role, idle, settings.find(([name]) => name === idle)?.[1]),
      missing(role, idleInTransaction, resource.props.idleInTransactionSessionTimeout),
      ...perDatabase.flatMap(([database, values]) =>
        settingsOf(values)
          .filter(([name]) => name === idle || name === idleInTransaction)
          .map(([name, value]) => missing(`${role} in database ${database}`, name, value)),
      ),
    ];
    return found.filter((message) => message !== undefined).map((message) => ({ urn: resource.urn, message }));
  });
}

function settingsOf(value: Value): [name: string, value: Value][] {
  return isValues(value) ? Object.entries(value).map(([name, setting]) => [name.toLowerCase(), setting]) : [];
}

/** 0 disables a timeout. */
function missing(role: string, name: string, value: Value): string | undefined {
  const timeout = typeof value === "string" || typeof value === "number" ? milliseconds(value) : undefined;
  if (timeout !== undefined && timeout > 0) return undefined;
  return `${role} has no ${name} (${valueText(value)}), so idle sessions keep their connections; set ${name} in the settings of the role or under app-roles:defaults.settings, for example ${name === idle ? "30min" : "5min"}`;
}
