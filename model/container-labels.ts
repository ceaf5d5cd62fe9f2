/** On every container that a stack creates: `project/stack`. */
export const stackLabel = "app-roles.stack";
/** On every container that a stack creates: the service. */
export const serviceLabel = "app-roles.service";
/** On every container and swarm service that a stack creates: what it logs in as, `legacy` or `role`. */
export const connectAsLabel = "app-roles.connect-as";
/** On a container that a script of the rollback kit created instead of the stack's. */
export const rollbackLabel = "app-roles.rollback";
