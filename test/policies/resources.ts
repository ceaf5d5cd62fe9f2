import {
  budgetType,
  type Resource,
  roleType,
  serviceType,
  settingsType,
  type Values,
} from "../../policies/resource.ts";

/** Minimal resources as policies see them. */
export function resource(type: string, name: string, props: Values, server = "db:5432"): Resource {
  return { type, urn: `urn:pulumi:prod::app-roles::${type}::${name}`, name, props, server };
}

export const role = (name: string, props: Values = {}, server?: string): Resource =>
  resource(roleType, name, { name, login: true, connectionLimit: 5, ...props }, server);

export const budget = (props: Values, server?: string): Resource => resource(budgetType, "budget", props, server);

export const settings = (role: string, props: Values): Resource => resource(settingsType, role, { role, ...props });

export const service = (name: string, props: Values): Resource =>
  resource(serviceType, name, {
    service: name,
    role: "app",
    connectAs: "role",
    migrates: false,
    pool: { max: 4, replicas: 1, surge: 0 },
    ...props,
  });

/** The runbook's budget: 86. */
export const runbookEntries = [
  { role: "tracksolid_owner", limit: 30, source: "declared" },
  { role: "dashboard_app", limit: 8, source: "declared" },
  { role: "gateway_app", limit: 15, source: "declared" },
  { role: "cron_app", limit: 5, source: "declared" },
  { role: "analytics_ro", limit: 8, source: "existing" },
  { role: "dashboard_ro", limit: 12, source: "existing" },
  { role: "grafana_ro", limit: 5, source: "existing" },
  { role: "reporting_refresher", limit: 3, source: "existing" },
];

export const messages = (violations: { message: string }[]): string[] => violations.map(({ message }) => message);
