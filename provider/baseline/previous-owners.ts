/**
 * Object to its owner in the baseline, by database. In one run of the engine Baseline is planned before the resources that use
 * it. Empty for a database whose Baseline was not planned, as with `--target`.
 */
export class PreviousOwners {
  readonly #byDatabase = new Map<string, Record<string, string>>();

  record(database: string, owners: Record<string, string>): void {
    this.#byDatabase.set(database, owners);
  }

  of(database: string): Record<string, string> {
    return this.#byDatabase.get(database) ?? {};
  }
}
