import { withNewPassword } from "../../model/database-url.ts";
import { isDeployed } from "../../model/runtime.ts";
import type { Service, Stack } from "../../model/stack.ts";
import { legacyUrlContract } from "../../provider/legacy-url/contract.ts";
import { serviceUrlContract } from "../../provider/service-url/contract.ts";
import { type Exported, exportedText, serviceResources } from "../pulumi/state.ts";
import type { Finding } from "./finding.ts";
import { holds, logsInAs } from "./holders.ts";

type Declared = Pick<Stack, "services" | "serviceSecrets" | "server">;

/** The services in the state. */
export interface Deployed {
  /** Service to its connectAs in the last up. */
  connectAs: Map<string, string>;
  /** Service to the legacy URL that was found in its environment. */
  kept: Map<string, string>;
  /** The admin's password in the last up, if the state has one. */
  adminPassword: string | undefined;
}

export function deployedServices(state: Exported): Deployed {
  const connectAs = new Map<string, string>();
  const kept = new Map<string, string>();
  for (const [service, resources] of serviceResources(state)) {
    for (const { type, inputs, outputs } of resources) {
      if (type === serviceUrlContract.token) connectAs.set(service, String(inputs?.connectAs));
      const isKept = type === legacyUrlContract.token && outputs?.isMade !== true;
      const url = isKept ? exportedText(outputs?.url) : undefined;
      if (url !== undefined) kept.set(service, url);
    }
  }
  const provider = (state.resources ?? []).find(({ type }) => type === "pulumi:providers:pgaccess");
  return { connectAs, kept, adminPassword: exportedText(provider?.inputs?.password) };
}

/** Services whose declared connectAs the last up has not applied. */
export function unappliedSwitches({ services }: Declared, { connectAs }: Deployed): string[] {
  return services
    .filter(({ name, connectAs: declared }) => connectAs.has(name) && connectAs.get(name) !== declared)
    .map(({ name }) => name);
}

/** Services on `legacy` whose URL is built from the admin's password and changes with it. */
export function followers(declared: Declared, deployed: Deployed): Service[] {
  return declared.services.filter(
    (service) => deployed.connectAs.get(service.name) === "legacy" && ownUrl(service, declared, deployed) === undefined,
  );
}

/** A service with its own legacy URL that contains the admin's previous password. */
export interface HeldUrl {
  service: Service;
  /** The URL is in the configuration and is changed there. */
  isGiven: boolean;
  /** Where the user changes it. */
  place: string;
  /** The URL with the new password; undefined if it does not log in as the admin. */
  renewed: string | undefined;
}

export function heldUrls(declared: Declared, deployed: Deployed, previous: string, next: string): HeldUrl[] {
  const { user } = declared.server.admin;
  return declared.services.flatMap((service) => {
    const own = ownUrl(service, declared, deployed);
    if (!own || !holds(own.url, previous)) return [];
    const isGiven = declared.serviceSecrets[service.name]?.legacyUrl !== undefined;
    return [{ service, isGiven, place: own.place, renewed: withNewPassword(own.url, user, previous, next) }];
  });
}

/** Services that log in as the admin, or would after a rollback. */
export function serviceFindings(declared: Declared, deployed: Deployed, password: string | undefined): Finding[] {
  const { user } = declared.server.admin;
  return declared.services.flatMap((service) => {
    const { name, connectAs, runtime } = service;
    const own = ownUrl(service, declared, deployed);
    if (!own) return connectAs === "legacy" ? [madeFinding(service, user)] : [];
    const { url, place } = own;
    const isHeld = password !== undefined && holds(url, password);
    const isRenewable = isHeld && withNewPassword(url, user, password, "") !== undefined;
    if (connectAs === "legacy" ? !isHeld && !logsInAs(url, user) : !isHeld) return [];
    const restart = isDeployed(runtime) ? "" : ", and restart it with it";
    return [
      {
        name: `service/${name}`,
        found:
          connectAs === "legacy"
            ? `is on legacy and logs in as ${user} (${place})`
            : `is on its role; its legacy URL holds this password (${place})`,
        afterwards:
          connectAs === "legacy" && isRenewable
            ? `its new connections fail until ${isDeployed(runtime) ? "the final up has restarted it with the new one" : `you restart it with the new one: npx app-roles env ${name}`}; with --keep-legacy-urls, until you set the new one in ${place}${restart}`
            : connectAs === "legacy"
              ? `its next connections fail: set the new password in ${place}${restart}, or cut it over first`
              : !isRenewable
                ? `a rollback would fail: set app-roles:serviceSecrets.${name}.legacyUrl to a URL with the new password`
                : "that URL gets the new password in the same run; with --keep-legacy-urls it does not, and a rollback would fail",
      },
    ];
  });
}

function madeFinding({ name, runtime }: Service, user: string): Finding {
  return {
    name: `service/${name}`,
    found: `is on legacy and logs in as ${user}, with a URL built from this password`,
    afterwards: isDeployed(runtime)
      ? "its new connections fail until the final up has restarted it with the new one"
      : `its new connections fail until you restart it with the new one: npx app-roles env ${name}`,
  };
}

/** The configured or found legacy URL; undefined if it is built from the admin's password. */
function ownUrl(
  service: Service,
  { serviceSecrets }: Declared,
  { kept }: Deployed,
): { url: string; place: string } | undefined {
  const inConfig = `app-roles:serviceSecrets.${service.name}.legacyUrl`;
  const given = serviceSecrets[service.name]?.legacyUrl;
  if (given !== undefined) return { url: given, place: inConfig };
  const found = kept.get(service.name);
  if (found === undefined) return undefined;
  return { url: found, place: placeOf(service) };
}

/** Where a found URL is changed. */
function placeOf({ name, compose, command }: Service): string {
  if (compose) return compose.envFile;
  return command ? `what ${command.path} reads` : `app-roles:serviceSecrets.${name}.legacyUrl`;
}
