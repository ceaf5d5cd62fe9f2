import * as pulumi from "@pulumi/pulumi";

/** The roles that a program makes on a server, for whatever waits for one of them in whatever order the program has. */
export class MadeRoles {
  readonly #roles: Map<string, PromiseWithResolvers<pulumi.Resource>>;
  readonly #missing: Set<string>;
  #latest: pulumi.Resource | undefined;

  constructor(names: string[]) {
    this.#roles = new Map(names.map((name) => [name, Promise.withResolvers()]));
    this.#missing = new Set(names);
    for (const { promise } of this.#roles.values()) promise.catch(() => undefined); // no error while nobody waits
    process.once("beforeExit", this.#refuse);
  }

  /** Says that the program has made the role. */
  made(name: string, role: pulumi.Resource): void {
    this.#roles.get(name)?.resolve(role);
    this.#latest = role;
    this.#missing.delete(name);
    if (this.#missing.size === 0) process.off("beforeExit", this.#refuse);
  }

  /**
   * What the next role waits for, so that one is made after the other: the official plugin's limit on its connections does not
   * hold for roles that are made at once.
   */
  get latest(): pulumi.Resource[] {
    return this.#latest ? [this.#latest] : [];
  }

  /** The role, once it is made; undefined for one that is none of these. Rejects when the program ends without it. */
  whenMade(name: string): Promise<pulumi.Resource> | undefined {
    return this.#roles.get(name)?.promise;
  }

  /** The program has nothing left to do: without this it would just end, with a word about promises. */
  readonly #refuse = (): void => {
    for (const name of this.#missing) {
      const error = new pulumi.RunError(
        `AppRole ${name} is missing: it owns a database that other roles have access to, and the program never makes it`,
      );
      error.stack = error.message; // by now Pulumi prints the stack, which would show none of the program's lines
      this.#roles.get(name)?.reject(error);
    }
  };
}
