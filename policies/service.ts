import { isValues, type Resource, serviceType } from "./resource.ts";

/** The outputs of a service's component; undefined for a value that is unknown or missing. */
export interface Service {
  name: string;
  urn: string;
  role: string | undefined;
  connectAs: string | undefined;
  migrates: boolean | "unconfirmed" | undefined;
  pool: { max: number; replicas: number; surge: number } | undefined;
}

export function services(resources: Resource[]): Service[] {
  return resources
    .filter(({ type }) => type === serviceType)
    .map(({ name, urn, props }) => ({
      name: text(props.service) ?? name,
      urn,
      role: text(props.role),
      connectAs: text(props.connectAs),
      migrates: typeof props.migrates === "boolean" || props.migrates === "unconfirmed" ? props.migrates : undefined,
      pool: pool(props.pool),
    }));
}

function text(value: Resource["props"][string]): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function pool(value: Resource["props"][string]): Service["pool"] {
  if (!isValues(value)) return undefined;
  const { max, replicas, surge } = value;
  if (typeof max !== "number" || typeof replicas !== "number" || typeof surge !== "number") return undefined;
  return { max, replicas, surge };
}
