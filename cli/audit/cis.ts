/** The benchmark whose recommendations findings name; its numbers change from version to version. */
export const benchmark = "CIS PostgreSQL 18 Benchmark v1.0.0";

/** Recommendation to its title. */
export const recommendations = {
  "4.3": "Ensure excessive administrative privileges are revoked",
  "4.4": "Lock Out Accounts if Not Currently in Use",
  "4.6": "Ensure excessive DML privileges are revoked",
  "5.3": 'Ensure login via "local" UNIX Domain Socket is configured correctly',
  "5.4": 'Ensure login via "host" TCP/IP Socket is configured correctly',
  "5.5": "Ensure per-account connection limits are used",
} as const;

export type CisNumber = keyof typeof recommendations;
