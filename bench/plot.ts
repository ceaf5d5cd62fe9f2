import type { Goal } from "./goals.ts";
import { entries } from "./page.ts";
import type { Result, Results } from "./results.ts";

const width = 980;
const rowHeight = 40;
const top = 62;
/** Where bars start, and the length of one that is as long as its bar. */
const [left, full] = [270, 380];
/** The longest that is drawn, as a share of the bar. */
const longest = 1.4;

/** docs/benchmarks.svg: each cost as a share of its bar. */
export function plot(results: Results): string {
  const rows = entries().map(([name, goal], index) => rowOf(goal, results[name], top + index * rowHeight));
  const height = top + rows.length * rowHeight + 12;
  const title = "Each measured cost as a share of its bar";
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title desc">
  <title id="title">${title}</title>
  <desc id="desc">${entries()
    .map(([name, goal]) => descriptionOf(goal, results[name]))
    .join("; ")}</desc>
  <style>
    text { font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1f2328 }
    .card { fill: #f6f8fa; stroke: #d0d7de }
    .head { font-weight: 600; font-size: 15px }
    .small { font-size: 12px; fill: #59636e }
    .within { fill: #54aeff } .above { fill: #ff8182 } .reference { fill: #c8ccd0 }
    .axis { stroke: #d0d7de }
    .line { stroke: #1f2328; stroke-width: 1.5; stroke-dasharray: 4 3 }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 }
      .card { fill: #161b22; stroke: #30363d }
      .small { fill: #9198a1 }
      .within { fill: #1f6feb } .above { fill: #b62324 } .reference { fill: #656c76 }
      .axis { stroke: #30363d }
      .line { stroke: #e6edf3 }
    }
  </style>
  <rect x="1" y="1" width="${width - 2}" height="${height - 2}" rx="10" class="card"/>
  <text x="20" y="32" class="head">${title}</text>
  <text x="${left}" y="52" class="small" text-anchor="middle">0</text>
  <text x="${left + full / 2}" y="52" class="small" text-anchor="middle">50 %</text>
  <text x="${left + full}" y="52" class="small" text-anchor="middle">bar</text>
  <path class="axis" d="M${left} 58V${height - 14}M${left + full / 2} 58V${height - 14}"/>
${rows.join("\n")}
  <path class="line" d="M${left + full} 58V${height - 14}"/>
</svg>
`;
}

function rowOf(goal: Goal, result: Result | undefined, y: number): string {
  const label = `  <text x="20" y="${y + 21}">${goal.short}</text>`;
  if (!result) return `${label}\n  <text x="${left + 10}" y="${y + 21}" class="small">not measured</text>`;
  const length = Math.round(Math.min(result.measured / goal.bar, longest) * full);
  const text = `  <text x="${width - 20}" y="${y + 21}" text-anchor="end">${summaryOf(goal, result)}</text>`;
  return `${label}\n  <rect x="${left}" y="${y + 5}" width="${length}" height="24" rx="3" class="${standingOf(goal, result)}"/>\n${text}`;
}

function standingOf({ bar, isReference }: Goal, { measured }: Result): "within" | "above" | "reference" {
  if (isReference) return "reference";
  return measured <= bar ? "within" : "above";
}

/** For example `2.62 of 2.5 x, above`, so that nothing is told by color alone. */
function summaryOf(goal: Goal, result: Result): string {
  const standing = standingOf(goal, result);
  if (standing === "reference") return `${result.measured} ${goal.unit}, Pulumi's own`;
  return `${result.measured} of ${goal.bar} ${goal.unit}${standing === "above" ? ", above" : ""}`;
}

function descriptionOf(goal: Goal, result: Result | undefined): string {
  return `${goal.short}: ${result ? summaryOf(goal, result) : "not measured"}`;
}
