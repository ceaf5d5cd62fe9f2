/** Somebody or something that uses the admin's password, or a check that cannot be made: to be accepted by its name. */
export interface Finding {
  /** As --accept takes it: `service/worker`, `container/api`, `session/psql@10.0.0.3`, `docker`, `login`. */
  name: string;
  /** What was seen. Never a secret. */
  found: string;
  /** What it will mean after the rotation. */
  afterwards: string;
}

/** Each by its name, with what it means. */
export function report(findings: Finding[]): string {
  return findings
    .map(({ name, found, afterwards }) => `  ${name}\n      ${found}\n      then: ${afterwards}`)
    .join("\n");
}
