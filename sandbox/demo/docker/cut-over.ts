import type { ServiceName } from "../../legacy/services/definitions.ts";
import { loginsOf } from "../sessions.ts";
import { until } from "../until.ts";
import type { DockerDemo } from "./docker-demo.ts";

/** Cuts one service over by `app-roles cutover`, and checks that it is served as its role and that no other noticed. */
export async function cutOver(demo: DockerDemo, name: ServiceName): Promise<void> {
  const { terminal, stack } = demo;
  const before = demo.failedElsewhere(name);
  const { code } = await stack.appRoles(["cutover", name]);
  terminal.claim(code === 0, `${name} has passed its gate`, `exit code ${code}`);
  await claimServed(demo, name, stack.role(name));
  const failed = demo.failedElsewhere(name) - before;
  terminal.claim(failed === 0, "no request to another service failed meanwhile", failed);
}

/** All of its sessions are the login's, as soon as those of the containers before are gone, and its client is served. */
export async function claimServed(demo: DockerDemo, name: ServiceName, login: string): Promise<void> {
  const { terminal, stack } = demo;
  const client = demo.client(name);
  const served = client.served;
  const moved = await until(async () => {
    const logins = await loginsOf(demo, name);
    const isMoved = logins.length === stack.pool(name) && logins.every((each) => each === login);
    return isMoved && client.served > served ? logins : undefined;
  });
  const text = `it is served, and its ${stack.pool(name)} sessions are ${login}'s`;
  terminal.claim(moved !== undefined, text, await loginsOf(demo, name));
}
