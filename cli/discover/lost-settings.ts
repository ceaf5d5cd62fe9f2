import { type Settings, settingValue } from "../../model/settings.ts";
import { parseSettings } from "../../provider/settings/settings.ts";
import type { ServerFacts } from "./server-facts.ts";

/** Settings of a legacy user that a new role would not have. */
export interface LostSettings {
  settings: Settings;
  /** Names of settings that a person must carry over: their value can be a secret or has no counterpart. */
  undecided: string[];
}

const ofSession = new Set(["role", "session_authorization"]);

/** The settings of `user` in all databases and in `database`; the latter win, as in Postgres. */
export function lostSettings({ roleSettings }: ServerFacts, user: string, database: string): LostSettings {
  const own = roleSettings
    .filter((each) => each.role === user && (each.database === "" || each.database === database))
    .flatMap((each) => parseSettings(each.database, each.config));
  const lost: LostSettings = { settings: {}, undecided: [] };
  for (const { name, value } of own.toSorted((a, b) => Number(a.database !== "") - Number(b.database !== ""))) {
    const lower = name.toLowerCase();
    const read = settingValue(lower, value);
    // A setting with a dot belongs to an application or extension, and can hold a secret.
    const isUnfit = lower.includes(".") || ofSession.has(lower) || "problem" in read || isOff(lower, value);
    if (isUnfit) lost.undecided.push(lower);
    else lost.settings[lower] = read.value;
  }
  const undecided = [...new Set(lost.undecided)].filter((name) => !Object.hasOwn(lost.settings, name)).toSorted();
  return { settings: sorted(lost.settings), undecided };
}

/** Without these timeouts the policy pack refuses a role. */
function isOff(name: string, value: string): boolean {
  return /^idle_(session|in_transaction_session)_timeout$/.test(name) && /^0\D*$/.test(value);
}

function sorted(settings: Settings): Settings {
  return Object.fromEntries(Object.entries(settings).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
