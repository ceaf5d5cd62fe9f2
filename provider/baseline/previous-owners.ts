/**
 * Object to the owner that the Baseline recorded, by database: in one run of the engine Baseline comes before whoever asks.
 * Empty for a database whose Baseline was not looked at, as with `--target`.
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
