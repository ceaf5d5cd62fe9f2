import { pulumi } from "./pulumi.ts";

/** Service to its switch after the last up that completed; one that no up has made is not in it. Throws what pulumi says. */
export async function connectAsInForce(stack: string): Promise<Map<string, string>> {
  const args = ["stack", "output", "--json", "--stack", stack, "--non-interactive"];
  const { services = {} } = JSON.parse(await pulumi("read the stack's outputs", args)) as {
    services?: Record<string, { connectAs: string }>;
  };
  return new Map(Object.entries(services).map(([name, { connectAs }]) => [name, connectAs]));
}
