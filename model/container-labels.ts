/** On every container that a stack makes: `project/stack`. */
export const stackLabel = "app-roles.stack";
/** On every container that a stack makes: the service. */
export const serviceLabel = "app-roles.service";
/** On every container that a stack makes, and every service of a swarm: what it logs in as, `legacy` or `role`. */
export const connectAsLabel = "app-roles.connect-as";
/** On a container that a script of the rollback kit made in the place of the stack's own. */
export const rollbackLabel = "app-roles.rollback";
