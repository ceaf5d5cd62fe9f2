import { usableSlots } from "../../provider/budget/live-budget.ts";
import type { AuditDocument, RoleDocument } from "../audit/document.ts";
import { count } from "../audit/finding.ts";
import { type Html, html } from "./html.ts";

const sparkline = { width: 180, height: 28 };

/** The role's sessions over the watch; the dashed line is its limit. */
export function sessionsChart(role: RoleDocument, sessions: number[]): Html {
  const { width, height } = sparkline;
  const limit = role.limit ?? 0;
  const top = Math.max(limit, ...sessions, 1);
  const y = (value: number) => round(height - 1 - (value / top) * (height - 3));
  const x = (index: number) => round(sessions.length < 2 ? width : (index / (sessions.length - 1)) * width);
  // One look is a level line.
  const values = sessions.length < 2 ? [sessions[0] ?? 0, sessions[0] ?? 0] : sessions;
  const points = values
    .map((value, index) => `${sessions.length < 2 ? index * width : x(index)},${y(value)}`)
    .join(" ");
  const line =
    role.limit === null ? "" : html`<line class="limit" x1="0" x2="${width}" y1="${y(limit)}" y2="${y(limit)}"/>`;
  const words = `${role.role}: ${count(role.sessions, "session")} now, at most ${role.peak}, limit ${role.limit ?? "none"}`;
  return html`<svg class="sparkline" role="img" aria-label="${words}" viewBox="0 0 ${width} ${height}" preserveAspectRatio="none">${line}<polyline points="${points}"/></svg>`;
}

interface Row {
  name: string;
  value: number;
  className: string;
}

/** Declared limits, sessions now, the peak and what is free, against max_connections, the ceiling and the reserved slots. */
export function budgetChart({ server, sessions, budget }: AuditDocument): Html {
  const {
    maxConnections: max,
    superuserReservedConnections: superuserReserved,
    reservedConnections: reserved,
  } = server;
  const usable = usableSlots({ max, superuserReserved, reserved, used: 0 });
  const rows: Row[] = [
    ...(budget ? [{ name: "declared limits", value: budget.declared, className: "declared" }] : []),
    { name: "in use now", value: sessions.now, className: "live" },
    { name: "peak", value: sessions.peak, className: "peak" },
    { name: "free at the peak", value: Math.max(0, usable - sessions.peak), className: "free" },
  ];
  const scale = Math.max(max, ...rows.map(({ value }) => value));
  const percent = (value: number) => round((value / scale) * 100);
  const bars = rows.map(({ name, value, className }) => {
    // Reserved slots are at the end of every bar's track.
    const track = html`<svg aria-hidden="true" viewBox="0 0 100 10" preserveAspectRatio="none"><rect class="track" width="${percent(usable)}" height="10"/><rect class="reserved" x="${percent(usable)}" width="${round(100 - percent(usable))}" height="10"/><rect class="${className}" y="1.5" width="${percent(value)}" height="7"/>${budget ? html`<line class="ceiling" x1="${percent(budget.ceiling)}" x2="${percent(budget.ceiling)}" y1="0" y2="10"/>` : ""}</svg>`;
    return html`<tr><th scope="row">${name}</th><td class="number">${value}</td><td class="bar">${track}</td></tr>`;
  });
  const ceiling = budget ? html` The line is the ceiling of the limits, ${budget.ceiling}.` : "";
  return html`<table class="budget"><caption>Of ${max} connections, ${max - usable} are reserved (grey).${ceiling}</caption>
<thead class="hidden"><tr><th scope="col">what</th><th scope="col">connections</th><th scope="col">share</th></tr></thead>
<tbody>${bars}</tbody></table>`;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
