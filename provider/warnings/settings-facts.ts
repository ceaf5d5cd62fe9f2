import type { RoleSetting } from "../settings/settings.ts";

/** What the warnings of a role's settings are judged by. */
export interface SettingsFacts {
  role: string;
  /** What is declared for it; the empty database: in all. */
  settings: Pick<RoleSetting, "database" | "name" | "value">[];
  /** Settings that another resource writes, or that are left unset on purpose. */
  setElsewhere: string[];
  /** Databases it has access to. */
  usedIn: string[];
  /** Users that services still log in as. */
  legacyUsers: string[];
}
