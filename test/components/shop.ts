import { AppRole } from "../../components/app-role.ts";
import { DatabaseServer, type DatabaseServerArgs } from "../../components/database-server.ts";

/** A server with two databases: `shop` has an owner and a reader, `billing` an owner that also reads `shop`. */
export function shopServer(args: Partial<DatabaseServerArgs> = {}): DatabaseServer {
  return new DatabaseServer("main", {
    host: "db.internal",
    adminPassword: "admin's password",
    databases: {
      shop: { schemas: ["shop", "stock"], owner: "shop_owner", keepOwner: { "shop.v": "etl" }, alsoOwn: ["public.t"] },
      billing: { schemas: ["billing"], owner: "billing_owner" },
    },
    roles: {
      shop_owner: { connectionLimit: 20 },
      billing_owner: { connectionLimit: 10 },
      shop_reader: { connectionLimit: 8 },
    },
    existingRoles: { etl: { connectionLimit: 5 } },
    ...args,
  });
}

/** The roles of that server; the two owners read each other's database. */
export const shopRoles = {
  shop_reader: (server: DatabaseServer) => new AppRole("shop_reader", { server, access: { shop: "reader" } }),
  shop_owner: (server: DatabaseServer) =>
    new AppRole("shop_owner", { server, access: { shop: "owner", billing: "reader" } }),
  billing_owner: (server: DatabaseServer) =>
    new AppRole("billing_owner", { server, access: { billing: "owner", shop: "writer" } }),
};
