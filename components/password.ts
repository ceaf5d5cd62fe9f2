import * as pulumi from "@pulumi/pulumi";
import { RandomPassword } from "@pulumi/random/randomPassword.js";

/**
 * 192 random bits in hex digits, like `openssl rand -hex 24`; a secret. Not RandomBytes, whose id, never a secret, is the bytes in
 * base64 (docs/decisions/passwords.md).
 */
export function createPassword(parent: pulumi.Resource, role: string): pulumi.Output<string> {
  const hexDigits = { special: true, overrideSpecial: "0123456789abcdef", lower: false, upper: false, numeric: false };
  return pulumi.secret(new RandomPassword(role, { length: 48, ...hexDigits }, { parent }).result);
}
