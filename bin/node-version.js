// Plain JavaScript that an old Node can read: it stands in front of all that one could not.

/** Node strips the types of the program by itself from here on. */
export const oldestNode = [22, 18];

/**
 * What is wrong with a Node of this version, in one line; undefined: nothing.
 *
 * @param {string} version such as `20.20.2`
 * @returns {string | undefined}
 */
export function nodeProblem(version) {
  const [major, minor] = version.replace(/^v/, "").split(".").map(Number);
  if (major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])) return undefined;
  return `app-roles needs Node ${oldestNode.join(".")} or later, found ${major}.${minor}`;
}
