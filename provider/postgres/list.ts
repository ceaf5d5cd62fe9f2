/** Names a line gives before it says how many more there are. */
const named = 5;

/** Names in one line of a message: the first five, then how many more. */
export function listOf(names: string[]): string {
  const shown = names.slice(0, named).join(", ");
  return names.length > named ? `${shown} and ${names.length - named} more` : shown;
}
