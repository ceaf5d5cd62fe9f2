import { cutoverGateContract } from "../../provider/cutover/gate/contract.ts";
import { serviceEnvContract } from "../../provider/service-env/contract.ts";
import { serviceUrlContract } from "../../provider/service-url/contract.ts";
import type { EngineEvent } from "../pulumi/event-log.ts";

/** Operations that change what is there. */
const changing = new Set(["create", "update", "replace", "create-replacement", "delete-replaced", "delete"]);

/** What starts a service with its URL. */
const deploymentTypes = [serviceEnvContract.token, "docker:index/container:Container", "docker:index/service:Service"];

/** Follows the events of a cutover's up: how far the service has come, and whether it is to go back. */
export class CutoverWatch {
  /** It may run with another URL than before, or is about to. */
  isTouched = false;
  /** It was started with its role's URL, and only its gate is being waited for: it may be put back while pulumi winds down. */
  isAtGate = false;
  /** Its gate was not passed. */
  isRefused = false;
  readonly #deployments: string[];
  readonly #gate: string;
  readonly #url: string;

  constructor(service: string) {
    const child = (type: string) => `app-roles:index:Service$${type}::${service}`;
    this.#deployments = deploymentTypes.map(child);
    this.#gate = child(cutoverGateContract.token);
    this.#url = child(serviceUrlContract.token);
  }

  /** All events so far. @param isExternal somebody else restarts the service: it is touched once its URL is handed out */
  see(events: EngineEvent[], isExternal: boolean): void {
    const first = isExternal ? [this.#url] : this.#deployments;
    for (const { resourcePreEvent: begun, resOpFailedEvent: failed } of events) {
      if (begun && changing.has(begun.metadata.op)) {
        if (first.some((urn) => begun.metadata.urn.endsWith(urn))) this.isTouched = true;
        if (begun.metadata.urn.endsWith(this.#gate)) this.isAtGate = true;
      }
      if (failed?.metadata.urn.endsWith(this.#gate)) this.isRefused = true;
    }
  }
}
