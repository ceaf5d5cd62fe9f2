import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** libpq's name for the certificates that the machine trusts; here those that Node does. */
const systemCertificates = "system";

/**
 * Why a file cannot serve as `sslrootcert`; undefined when it can.
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
    return `${file} holds no certificate in PEM form`;
  }
}

/**
 * The certificates to check a server's against, in PEM form; undefined: those that Node trusts, or, where the mode asks for no
 * check, none. libpq's order: `sslrootcert`, PGSSLROOTCERT, ~/.postgresql/root.crt.
 */
export function rootCertificates(sslrootcert: string | undefined): string | undefined {
  const file = sslrootcert ?? process.env.PGSSLROOTCERT;
  if (file === systemCertificates) return undefined;
  if (sslrootcert !== undefined) return readFileSync(sslrootcert, "utf8");
  try {
    return readFileSync(file ?? join(homedir(), ".postgresql", "root.crt"), "utf8");
  } catch {
    return undefined;
  }
}
