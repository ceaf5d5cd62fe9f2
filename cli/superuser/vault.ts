import { pulumi } from "../pulumi.ts";

/** Where the admin's passwords are kept. */
export interface Vault {
  /** The stored one and the next one; undefined: there is none. */
  read(): Promise<{ current: string | undefined; pending: string | undefined }>;
  /** Stores the next one beside the one in force. */
  keep(pending: string): Promise<void>;
  /** Stores it as the one in force; it stays pending. */
  promote(password: string): Promise<void>;
  /** Removes the pending one. */
  drop(): Promise<void>;
}

const current = "app-roles:adminPassword";
export const pending = "app-roles:pendingAdminPassword";

/** The stack's configuration, encrypted as its other secrets; a value goes to pulumi on its standard input. */
export function stackVault(stack: string): Vault {
  const here = ["--stack", stack, "--non-interactive"];
  const set = async (key: string, value: string) => {
    await pulumi(`store ${key}`, ["config", "set", "--secret", key, ...here], value);
  };
  return {
    async read() {
      const text = await pulumi("read the stack's configuration", ["config", "--json", "--show-secrets", ...here]);
      const values = JSON.parse(text) as Record<string, { value?: string }>;
      return { current: values[current]?.value, pending: values[pending]?.value };
    },
    keep: (password) => set(pending, password),
    promote: (password) => set(current, password),
    async drop() {
      await pulumi(`remove ${pending}`, ["config", "rm", pending, ...here]);
    },
  };
}
