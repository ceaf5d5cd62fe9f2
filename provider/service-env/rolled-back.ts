/**
 * The environment variable by which `app-roles rollback` tells its up which service it has just restarted with its legacy URL,
 * where nobody else could know: a service with a command.
 */
export const rolledBackVariable = "APP_ROLES_ROLLED_BACK";

export function wasRestartedByRollback(service: string): boolean {
  return process.env[rolledBackVariable] === service;
}
