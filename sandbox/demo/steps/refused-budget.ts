import type { Demo } from "../demo.ts";

export const title = "Ten connections too many: the policy pack refuses 96 of 95";

export async function run(demo: Demo): Promise<void> {
  const { terminal, stack } = demo;
  const before = await limits(demo);
  const was = stack.limit("tracksolid_owner");
  await stack.set({ "roles.tracksolid_owner.connectionLimit": String(was + 10) });
  const { code, output } = await stack.pulumi(
    ["up", "--yes", "--skip-preview", "--policy-pack", "policies"],
    ["Policies"],
  );
  terminal.claim(code !== 0, `the up is refused with exit code ${code}`, code);
  terminal.claim(
    /\[mandatory\]/.test(output) && /\b96\b/.test(output) && /\b95\b/.test(output),
    "by the mandatory budget policy, with its table of numbers",
  );
  const after = await limits(demo);
  terminal.claim(after === before, "no limit on the server has changed", after);
  await stack.set({ "roles.tracksolid_owner.connectionLimit": String(was) });
}

async function limits(demo: Demo): Promise<string> {
  const rows = await demo.ask<{ limits: string }>(
    "SELECT string_agg(rolname || ' ' || rolconnlimit, ', ' ORDER BY rolname) AS limits FROM pg_roles WHERE rolcanlogin",
  );
  return rows[0]?.limits ?? "";
}
