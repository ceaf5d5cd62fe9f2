/** A user of the admin's password, or a check that cannot be made; must be accepted by name. */
export interface Finding {
  /** The value of --accept: `service/worker`, `container/api`, `session/psql@10.0.0.3`, `docker`, `login`. */
  name: string;
  /** What was found; never a secret. */
  found: string;
  /** The consequence of the rotation. */
  afterwards: string;
}

/** The findings with their names and consequences. */
export function report(findings: Finding[]): string {
  return findings
    .map(({ name, found, afterwards }) => `  ${name}\n      ${found}\n      then: ${afterwards}`)
    .join("\n");
}
