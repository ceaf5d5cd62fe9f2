import { withNewPassword } from "../../model/database-url.ts";
import { isDeployed } from "../../model/runtime.ts";
import type { Service, Stack } from "../../model/stack.ts";
import { legacyUrlContract } from "../../provider/legacy-url/contract.ts";
import { serviceUrlContract } from "../../provider/service-url/contract.ts";
import { type Exported, exportedText, serviceResources } from "../pulumi/state.ts";
import type { Finding } from "./finding.ts";
import { holds, logsInAs } from "./holders.ts";

type Declared = Pick<Stack, "services" | "serviceSecrets" | "server">;

/** What the state says of the services. */
export interface Deployed {
  /** Service to the switch of its last up. */
  connectAs: Map<string, string>;
  /** Service to the URL that was found where it keeps it. */
  kept: Map<string, string>;
  /** The admin's password of the last up; undefined: there is none in the state. */
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

/** Those whose switch the last up has not carried out: what is in force differs from what is declared. */
export function unappliedSwitches({ services }: Declared, { connectAs }: Deployed): string[] {
  return services
    .filter(({ name, connectAs: declared }) => connectAs.has(name) && connectAs.get(name) !== declared)
    .map(({ name }) => name);
}

/** The services of the last up that are on `legacy` with a URL made of the admin's password: it is another once that is. */
export function followers(declared: Declared, deployed: Deployed): Service[] {
  return declared.services.filter(
    (service) => deployed.connectAs.get(service.name) === "legacy" && ownUrl(service, declared, deployed) === undefined,
  );
}

/** A service with a URL of its own that holds the admin's former password: its way back, or on `legacy` what it runs with. */
export interface HeldUrl {
  service: Service;
  /** The URL is given in the configuration: that is where it is changed. */
  isGiven: boolean;
  /** Where it is changed by hand. */
  place: string;
  /** The URL with the new password; undefined: it holds the former one elsewhere than as the admin's. */
  renewed: string | undefined;
}

export function heldUrls(declared: Declared, deployed: Deployed, former: string, next: string): HeldUrl[] {
  const { user } = declared.server.admin;
  return declared.services.flatMap((service) => {
    const own = ownUrl(service, declared, deployed);
    if (!own || !holds(own.url, former)) return [];
    const isGiven = declared.serviceSecrets[service.name]?.legacyUrl !== undefined;
    return [{ service, isGiven, place: own.place, renewed: withNewPassword(own.url, user, former, next) }];
  });
}

/** The services that log in as the admin, or whose way back would. */
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
            : `is on its role; the URL of its way back holds this password (${place})`,
        afterwards:
          connectAs === "legacy" && isRenewable
            ? `its new connections fail until ${isDeployed(runtime) ? "the up at the end has restarted it with the new one" : `you restart it with the new one: npx app-roles env ${name}`}; with --keep-legacy-urls, until you give ${place} the new one${restart}`
            : connectAs === "legacy"
              ? `its next connections fail: give ${place} the new password${restart}, or cut it over first`
              : !isRenewable
                ? `a rollback would bring it a dead URL: set app-roles:serviceSecrets.${name}.legacyUrl to the one with the new password`
                : "that URL gets the new password in the same run; with --keep-legacy-urls it does not, and a rollback would bring it a dead URL",
      },
    ];
  });
}

function madeFinding({ name, runtime }: Service, user: string): Finding {
  return {
    name: `service/${name}`,
    found: `is on legacy and logs in as ${user}, with a URL made of this password`,
    afterwards: isDeployed(runtime)
      ? "its new connections fail until the up at the end has restarted it with the new one"
      : `its new connections fail until you restart it with the new one: npx app-roles env ${name}`,
  };
}

/** The legacy URL that is not made of the admin's password but given or found; undefined for a made one. */
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

/** Where a found URL is changed: what a container of somebody else's had is in no file of the stack's. */
function placeOf({ name, compose, command }: Service): string {
  if (compose) return compose.envFile;
  return command ? `what ${command.path} reads` : `app-roles:serviceSecrets.${name}.legacyUrl`;
}
