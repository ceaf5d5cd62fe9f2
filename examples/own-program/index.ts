import * as pulumi from "@pulumi/pulumi";
import { AppRole, DatabaseServer, Service } from "app-roles";

const config = new pulumi.Config();

const server = new DatabaseServer("main", {
  host: config.require("host"),
  port: config.getNumber("port"),
  adminPassword: config.requireSecret("adminPassword"),
  databases: { shop: { schemas: ["shop"], owner: "shop_owner" } },
  // All connection limits in one place: `pulumi preview` shows their sum and refuses one above the ceiling of 95.
  roles: { shop_owner: { connectionLimit: 12 }, shop_reader: { connectionLimit: 8 } },
});

const settings = { idle_session_timeout: "30min", idle_in_transaction_session_timeout: "5min" };
const owner = new AppRole("shop_owner", { server, access: { shop: "owner" }, settings });
const reader = new AppRole("shop_reader", { server, access: { shop: "reader" }, settings });

// Cut over: it logs in as shop_owner, which owns the tables that its migrations alter.
const backend = new Service("backend", {
  role: owner,
  database: "shop",
  connectAs: "role",
  migrates: true,
  pool: { max: 10 },
});

// On its legacy login; `connectAs: "role"` cuts it over.
const reports = new Service("reports", { role: reader, database: "shop", migrates: false });

/** Secrets: pulumi stack output databaseUrls --show-secrets */
export const databaseUrls = { backend: backend.databaseUrl, reports: reports.databaseUrl };
