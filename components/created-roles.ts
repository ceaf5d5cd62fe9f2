import * as pulumi from "@pulumi/pulumi";

/** The roles that a program creates on a server, for resources that wait for one, in any order of the program. */
export class CreatedRoles {
  readonly #roles: Map<string, PromiseWithResolvers<pulumi.Resource>>;
  readonly #missing: Set<string>;
  #latest: pulumi.Resource | undefined;

  constructor(names: string[]) {
    this.#roles = new Map(names.map((name) => [name, Promise.withResolvers()]));
    this.#missing = new Set(names);
    for (const { promise } of this.#roles.values()) promise.catch(() => undefined); // no error if nothing waits for it
    process.once("beforeExit", this.#refuse);
  }

  add(name: string, role: pulumi.Resource): void {
    this.#roles.get(name)?.resolve(role);
    this.#latest = role;
    this.#missing.delete(name);
    if (this.#missing.size === 0) process.off("beforeExit", this.#refuse);
  }

  /**
   * The role that the next one waits for: roles are created one after the other, because the official plugin's limit on its
   * connections does not hold for parallel creations.
   */
  get latest(): pulumi.Resource[] {
    return this.#latest ? [this.#latest] : [];
  }

  /** Resolves once the program creates the role, and rejects if it ends without it; undefined for any other role. */
  get(name: string): Promise<pulumi.Resource> | undefined {
    return this.#roles.get(name)?.promise;
  }

  /** Without this, the program would end with a message about promises. */
  readonly #refuse = (): void => {
    for (const name of this.#missing) {
      const error = new pulumi.RunError(
        `AppRole ${name} is missing: it owns a database that other roles have access to, and the program does not create it`,
      );
      error.stack = error.message; // Pulumi prints the stack at this point, which has no line of the program
      this.#roles.get(name)?.reject(error);
    }
  };
}
