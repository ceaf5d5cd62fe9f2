import * as pulumi from "@pulumi/pulumi";

/** `docker:host`, as the docker provider reads it; undefined: DOCKER_HOST, else this machine's socket. */
export function dockerHost(): string | undefined {
  return new pulumi.Config("docker").get("host");
}
