import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** libpq's name for the certificates that the system trusts; here those that Node trusts. */
const systemCertificates = "system";

/**
 * Why a file cannot be used as `sslrootcert`; undefined if it can.
 *
 * @example rootCertificateProblem("ca.crt") // "ca.crt cannot be read (ENOENT)"
 */
export function rootCertificateProblem(file: string): string | undefined {
  if (file === systemCertificates) return undefined;
  try {
    new X509Certificate(readFileSync(file));
    return undefined;
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (syscall !== undefined) return `${file} cannot be read (${code})`;
    return `${file} contains no certificate in PEM format`;
  }
}

/**
 * The certificates that a server's certificate is verified against, in PEM format; undefined: those that Node trusts, or none if
 * the mode does not verify. As in libpq: `sslrootcert`, else PGSSLROOTCERT, else ~/.postgresql/root.crt; the last one only where
 * the mode verifies anyway, since the official provider's driver does not read it either.
 */
export function rootCertificates(sslrootcert: string | undefined, verifies: boolean): string | undefined {
  const file = sslrootcert ?? process.env.PGSSLROOTCERT;
  if (file === systemCertificates) return undefined;
  if (sslrootcert !== undefined) return readFileSync(sslrootcert, "utf8");
  if (file === undefined && !verifies) return undefined;
  try {
    return readFileSync(file ?? join(homedir(), ".postgresql", "root.crt"), "utf8");
  } catch {
    return undefined;
  }
}
