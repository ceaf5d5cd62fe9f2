import { Html } from "./html.ts";

/** Colours have a contrast of at least 4.5 to 1 for text and 3 to 1 for bars, in both schemes. */
export const style = new Html(`
:root { color-scheme: light dark; --text: #1b1f24; --muted: #57606a; --ground: #ffffff; --panel: #f6f8fa; --line: #d0d7de;
  --declared: #0969da; --live: #1a7f37; --peak: #9a6700; --free: #6e7781; --high: #b3261e; --medium: #8a5a00; --low: #0b5cad; }
@media (prefers-color-scheme: dark) { :root { --text: #e6edf3; --muted: #9da7b3; --ground: #0d1117; --panel: #161b22; --line: #30363d;
  --declared: #58a6ff; --live: #3fb950; --peak: #d29922; --free: #8b949e; --high: #ff8a80; --medium: #e3b341; --low: #79c0ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 70rem; padding: 1.5rem 1rem; background: var(--ground); color: var(--text);
  font: 15px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; border-bottom: 1px solid var(--line); }
p { margin: .4rem 0; } .muted, caption { color: var(--muted); } caption { text-align: left; padding: .2rem 0; }
.verdict { font-size: 1.1rem; font-weight: 600; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .25rem .6rem .25rem 0; vertical-align: top; }
thead th { color: var(--muted); font-weight: 600; border-bottom: 1px solid var(--line); } tbody th { font-weight: 600; }
tbody tr + tr > * { border-top: 1px solid var(--line); }
thead .number, .number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; width: 1%; padding-left: 1rem; }
.number + :not(.number) { padding-left: 1rem; }
.budget tr + tr > * { border: 0; } .budget th { width: 9rem; white-space: nowrap; } .budget .number { width: 3rem; } .bar { width: auto; }
.bar svg { display: block; width: 100%; height: 1.3rem; } .track { fill: var(--panel); stroke: none; } .reserved { fill: var(--line); }
.declared { fill: var(--declared); } .live { fill: var(--live); } .peak { fill: var(--peak); } .free { fill: var(--free); }
.ceiling { stroke: var(--high); stroke-width: 2; vector-effect: non-scaling-stroke; }
.sparkline { display: block; width: 100%; min-width: 8rem; height: 1.75rem; }
.sparkline polyline { fill: none; stroke: var(--live); stroke-width: 1.5; vector-effect: non-scaling-stroke; }
.sparkline .limit { stroke: var(--high); stroke-dasharray: 4 3; vector-effect: non-scaling-stroke; }
/* Names break only where a column would be narrower than most of them. */
.stacked th, .stacked td { min-width: 8.5em; } .stacked .number { min-width: 0; } .stacked .severity { min-width: 5em; }
.severity { font-weight: 700; white-space: nowrap; } .severity-high { color: var(--high); } .severity-medium { color: var(--medium); }
.severity-low { color: var(--low); }
code { font: .87em/1.4 ui-monospace, monospace; background: var(--panel); padding: .1em .3em; border-radius: 3px; }
details { margin: .2rem 0; } summary { cursor: pointer; color: var(--muted); } details ul { margin: .2rem 0 .2rem 1.2rem; padding: 0; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.printed { display: none; } .scroll { overflow-x: auto; }
@media (max-width: 40rem) {
  .stacked thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .stacked, .stacked caption, .stacked tbody, .stacked tr, .stacked td, .stacked th { display: block; } .stacked tr + tr > * { border: 0; }
  .stacked th, .stacked td { min-width: 0; } .stacked tr { padding: .5rem 0; border-top: 1px solid var(--line); } .stacked td, .stacked tbody th { padding: .05rem 0; }
  .stacked td.number { display: inline-block; width: auto; padding: 0 1rem 0 0; } .stacked .number + :not(.number) { padding-left: 0; } .stacked td[data-label]::before { content: attr(data-label) ": "; color: var(--muted); }
  .budget th { width: auto; white-space: normal; }
}
@media print {
  @page { size: A4; margin: 11mm; }
  :root { color-scheme: light; --text: #000; --muted: #444; --ground: #fff; --panel: #f0f0f0; --line: #bbb; --declared: #0969da;
    --live: #1a7f37; --peak: #9a6700; --free: #6e7781; --high: #b3261e; --medium: #8a5a00; --low: #0b5cad; }
  body { padding: 0; max-width: none; font-size: 8.5pt; line-height: 1.3; print-color-adjust: exact; }
  h1 { font-size: 13pt; } h2 { font-size: 10pt; margin: .6rem 0 .2rem; break-after: avoid; } tr { break-inside: avoid; }
  th, td { padding: .08rem .5rem .08rem 0; } .bar svg { height: .8rem; } .sparkline { height: .9rem; }
  details { display: none; } .cut > tbody > tr:nth-child(n + 11) { display: none; } .printed { display: block; }
}`);
