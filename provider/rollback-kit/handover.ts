import { switches } from "../../model/switches.ts";
import { KeptScript } from "./kept-script.ts";

/** Whose script is asked for, and the private folder that it is left in. */
export interface Handover {
  service: string;
  folder: string;
}

/** Where the service's script is to be left for the command that runs this up; undefined: nobody asks for it. */
export function handoverOf(service: string): KeptScript | undefined {
  const given = process.env[switches.handover];
  if (given === undefined) return undefined;
  const handover = JSON.parse(given) as Handover;
  return handover.service === service ? new KeptScript(handover.folder, service) : undefined;
}
