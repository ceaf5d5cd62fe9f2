// Plain JavaScript, so that an old Node can run it.

/** The first Node that strips types by default. */
export const oldestNode = [22, 18];

/**
 * Why this version is too old, in one line; undefined if it is not.
 *
 * @param {string} version such as `20.20.2`
 * @returns {string | undefined}
 */
export function nodeProblem(version) {
  const [major, minor] = version.replace(/^v/, "").split(".").map(Number);
  if (major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])) return undefined;
  return `app-roles needs Node ${oldestNode.join(".")} or later, found ${major}.${minor}`;
}
