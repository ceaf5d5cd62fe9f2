import { switches } from "../../model/switches.ts";

/** Whether `app-roles rollback` has just restarted the service with its legacy URL; of a service with a command nobody else could know. */
export function wasRestartedByRollback(service: string): boolean {
  return process.env[switches.rolledBack] === service;
}
