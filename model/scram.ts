import { createHash, createHmac, pbkdf2Sync } from "node:crypto";

/** PostgreSQL's scram_iterations (documentation, "Connections and Authentication"). */
const iterations = 4096;

/**
 * The SCRAM-SHA-256 verifier of a password (RFC 5803), as Postgres stores it; with it the plain text never reaches the server
 * or its log. The salt is derived from the password, so that a preview shows no change: generated passwords have 192 random
 * bits, which need no salt.
 */
export function scramVerifier(password: string): string {
  const salt = createHmac("sha256", password).update("app-roles salt").digest().subarray(0, 16);
  const salted = pbkdf2Sync(password, salt, iterations, 32, "sha256");
  const clientKey = createHmac("sha256", salted).update("Client Key").digest();
  const storedKey = createHash("sha256").update(clientKey).digest("base64");
  const serverKey = createHmac("sha256", salted).update("Server Key").digest("base64");
  return `SCRAM-SHA-256$${iterations}:${salt.toString("base64")}$${storedKey}:${serverKey}`;
}
