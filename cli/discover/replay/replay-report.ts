import { table } from "../../terminal/screen.ts";
import { visible } from "../../terminal/visible.ts";
import type { Replayed, Unknown } from "../evidence.ts";

/** The replays for people: the verdict, what is denied, what is granted and not used, what was not tried. */
export function replayReport(replayed: Replayed[], { quiet }: { quiet?: boolean | undefined }): string {
  const lines = quiet ? [verdict(replayed)] : [verdict(replayed), ...replayed.flatMap(detailLines)];
  return lines.map(visible).join("\n");
}

/** Whether every statement that was tried is allowed. */
export function isAllowed(replayed: Replayed[]): boolean {
  return replayed.every(({ denied }) => denied.length === 0);
}

function verdict(replayed: Replayed[]): string {
  const sum = (count: (each: Replayed) => number) => replayed.reduce((total, each) => total + count(each), 0);
  const tried = sum((each) => each.tried);
  const denied = sum((each) => each.denied.length);
  const untried = sum((each) => each.untried.length);
  const rest = untried === 0 ? "" : `, ${untried} not tried`;
  return `Replay: ${counted(tried, "statement")} tried as the proposed roles, ${denied} permission denied${rest}. Everything was rolled back.`;
}

function detailLines({ database, denied, untried, usage }: Replayed): string[] {
  const rows = usage.map(({ role, used, granted }) => [role, granted === 0 ? "none granted" : `${used} / ${granted}`]);
  return [
    "",
    ...(rows.length > 0 ? table([[database, "table privileges used / granted"], ...rows]).split("\n") : []),
    ...usage
      .filter(({ extra }) => extra.length > 0)
      .map(({ role, extra }) => `  ${role}: granted beyond its access level and not used: ${extra.join(", ")}`),
    ...denied.map(
      ({ role, example, message, code, count }) =>
        `  denied: ${role}: ${message} (${code}), ${times(count)}: ${example}`,
    ),
    ...[...Map.groupBy(untried, ({ reason }) => reason)].map(([reason, all]) => untriedLine(reason, all)),
  ];
}

function untriedLine(reason: string, [first, ...others]: Unknown[]): string {
  const more = others.length > 0 ? ` and ${counted(others.length, "other")}` : "";
  return `  not tried: ${first?.example}${more}: ${reason}`;
}

function times(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
