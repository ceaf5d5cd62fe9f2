import { pulumi } from "../pulumi/pulumi.ts";

/** Storage of the admin's passwords. */
export interface Vault {
  /** The stored and the pending password. */
  read(): Promise<{ current: string | undefined; pending: string | undefined }>;
  /** Stores the pending password next to the one in force. */
  keep(pending: string): Promise<void>;
  /** Stores the password as the one in force; it remains pending. */
  promote(password: string): Promise<void>;
  /** Removes the pending password. */
  drop(): Promise<void>;
}

export interface StackVault extends Vault {
  /** Sets configured legacy URLs. @param urls service to its URL */
  giveLegacyUrls(urls: Record<string, string>): Promise<void>;
}

const current = "app-roles:adminPassword";
const serviceSecrets = "app-roles:serviceSecrets";
export const pending = "app-roles:pendingAdminPassword";

/** Stores the passwords as secrets of the stack's configuration; values are passed to pulumi on standard input. */
export function stackVault(stack: string): StackVault {
  const here = ["--stack", stack, "--non-interactive"];
  const set = async (key: string, value: string) => {
    await pulumi(`store ${key}`, ["config", "set", "--secret", key, ...here], value);
  };
  const values = async () => {
    const text = await pulumi("read the stack's configuration", ["config", "--json", "--show-secrets", ...here]);
    return JSON.parse(text) as Record<string, { value?: string }>;
  };
  return {
    async read() {
      const { [current]: stored, [pending]: next } = await values();
      return { current: stored?.value, pending: next?.value };
    },
    keep: (password) => set(pending, password),
    promote: (password) => set(current, password),
    async giveLegacyUrls(urls) {
      const { [serviceSecrets]: stored } = await values();
      const given = JSON.parse(stored?.value ?? "{}") as Record<string, object>;
      const changed = Object.entries(urls).map(([service, legacyUrl]) => [service, { ...given[service], legacyUrl }]);
      await set(serviceSecrets, JSON.stringify({ ...given, ...Object.fromEntries(changed) }));
    },
    async drop() {
      await pulumi(`remove ${pending}`, ["config", "rm", pending, ...here]);
    },
  };
}
