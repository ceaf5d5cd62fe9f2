import type { Client } from "pg";
import { type Demo, login, refusal } from "../demo.ts";
import { sessionsByLogin } from "../sessions.ts";
import { until } from "../until.ts";

export const title = "The server is full: nobody gets in, no admin either";

const full = "FATAL:  sorry, too many clients already (53300)";

export async function run(demo: Demo): Promise<void> {
  const { terminal } = demo;
  const admin = demo.legacyUrl("postgres");

  const toOrdinary = await refusal(ordinary(demo));
  terminal.quote(toOrdinary ?? "it got in");
  terminal.claim(toOrdinary === full, "an ordinary login (dashboard_ro) is refused, as in the runbook");
  const toAdmin = await refusal(admin);
  terminal.quote(toAdmin ?? "it got in");
  terminal.claim(toAdmin === full, "so is the superuser's own");

  terminal.say(
    "Postgres reserves three slots for superusers (superuser_reserved_connections), but these services are superusers and have those too. An idle_session_timeout set now does not help either: a session that is idle already starts counting after its next query. What helps: stop one service. Its slots come free at once and nothing has to be changed in Postgres. The runbook's lowest risk is dashboard_api.",
  );
  await demo.service("dashboard_api").stop();
  const afterwards = await until(async () => ((await refusal(admin)) === undefined ? "in" : undefined));
  terminal.claim(afterwards === "in", "dashboard_api is stopped, and the admin gets in");

  await showReservedSlots(demo);

  const pool = demo.stack.pool("dashboard_api");
  await demo.service("dashboard_api").restart({ url: demo.legacyUrl("tracksolid_db"), pool });
  terminal.say(
    `It comes back as it was, still the superuser, but with the pool the stack config declares for it: ${pool} sessions. That leaves room for this demo's admin and for the two connections the stack opens at most.`,
  );
  terminal.table(["login", "sessions"], await sessionsByLogin(demo));
}

/** What the reserve is for: logins without SUPERUSER cannot take the last three slots. */
async function showReservedSlots(demo: Demo): Promise<void> {
  const { terminal } = demo;
  const opened: Client[] = [];
  try {
    let said: string | undefined;
    while (!said && opened.length < 12) {
      said = await refusal(ordinary(demo));
      if (!said) opened.push(await login(ordinary(demo), "demo visitor"));
    }
    terminal.quote(said ?? "none was refused");
    const toAdmin = await refusal(demo.legacyUrl("postgres"));
    terminal.claim(
      said?.startsWith("FATAL:  remaining connection slots are reserved") === true && toAdmin === undefined,
      `ordinary logins that fill the server again (${opened.length} fit) stop short of the reserve, and the admin still gets in`,
      toAdmin,
    );
  } finally {
    await Promise.all(opened.map((client) => client.end()));
  }
}

function ordinary(demo: Demo): string {
  return demo.url("dashboard_ro", "dashboard_ro", "tracksolid_db");
}
