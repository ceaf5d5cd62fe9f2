/**
 * What a container of somebody else's is called that was put aside for one of the stack's: the second name is that of one whose
 * restart policy is `always`, which it has again when it comes back. A name is all that can keep that.
 */
export function asideNames(name: string): { plain: string; always: string } {
  return { plain: `${name}-before-app-roles`, always: `${name}-before-app-roles-always` };
}
