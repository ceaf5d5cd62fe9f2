import { oneLine } from "../../provider/warnings/warning.ts";
import { type AuditDocument, auditDocument } from "../audit/document.ts";
import type { Audit } from "../audit/examination.ts";
import { checks, severities } from "../audit/finding.ts";
import { verdict } from "../audit/text.ts";
import { budgetChart, sessionsChart } from "./charts.ts";
import { type Html, html } from "./html.ts";
import type { SchemaOwners } from "./ownership.ts";
import type { ServiceState } from "./services.ts";
import { style } from "./style.ts";

/** What the page shows. */
export interface Report {
  audit: Audit;
  owners: SchemaOwners[];
  services: ServiceState[];
}

/** The beginning of every report, by which one is recognized before it is overwritten. */
export const marker = "<!DOCTYPE html>\n<!-- app-roles report -->";

/** Rows of a table that are printed on paper, so that a report has two pages. */
const printedRows = 10;

/** A self-contained page: no script and nothing to load. All texts are escaped. */
export function reportPage(report: Report): string {
  const document = auditDocument(report.audit);
  const title = `${document.stack ?? document.server.host}: connections and roles`;
  const body = html`
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${style}</style>
</head>
<body>
<main>
${header(title, report.audit, document)}
${section("Connections", budgetChart(document))}
${section("Roles", rolesTable(report.audit, document))}
${report.owners.length > 0 ? section("Ownership", ownersTable(report.owners)) : ""}
${report.services.length > 0 ? section("Services", servicesTable(report.services)) : ""}
${section("Findings", findings(document))}
</main>
</body>
</html>
`;
  return `${marker}${body.text}`;
}

function header(title: string, audit: Audit, { server, at, sessions }: AuditDocument): Html {
  const standby = server.isStandby ? " (standby)" : "";
  return html`<header>
<h1>${title}</h1>
<p class="verdict">${verdict(audit)}</p>
<p class="muted">PostgreSQL ${server.version}${standby} at ${server.host}:${server.port}; ${time(at)}; sessions: ${audit.observations.basis}, ${time(sessions.from)} to ${time(sessions.to)}</p>
</header>`;
}

/** `2026-11-25 04:44:02 UTC`. */
function time(at: string): string {
  return at.replace("T", " ").replace(/\.\d+Z$/, " UTC");
}

function section(title: string, content: Html): Html {
  const id = title.toLowerCase();
  return html`<section aria-labelledby="${id}"><h2 id="${id}">${title}</h2>${content}</section>`;
}

/** A table whose rows are stacked on a narrow screen and cut on paper. A column that begins with # has numbers. */
function table(caption: string, columns: string[], rows: Html[]): Html {
  const more = rows.length - printedRows;
  const cut = more > 0 ? html`<p class="printed">${more} more in the file.</p>` : "";
  const classOf = (column: string) => (column.startsWith("#") ? "number" : column === "severity" ? "severity" : "name");
  const heads = columns.map(
    (column) => html`<th scope="col" class="${classOf(column)}">${column.replace(/^#/, "")}</th>`,
  );
  return html`<table class="stacked cut"><caption>${caption}</caption><thead><tr>${heads}</tr></thead>
<tbody>${rows}</tbody></table>${cut}`;
}

function rolesTable({ observations }: Audit, { roles }: AuditDocument): Html {
  const rows = roles.map((role) => {
    const limit = role.limit ?? (role.superuser ? "superuser" : "unlimited");
    const declared = role.declaredLimit ?? "undeclared";
    const chart = sessionsChart(role, observations.sessionsOf(role.role));
    return html`<tr><th scope="row">${role.role}</th><td class="number" data-label="now">${role.sessions}</td><td class="number" data-label="peak">${role.peak}</td><td class="number" data-label="limit">${limit}</td><td class="number" data-label="declared">${declared}</td><td>${chart}</td></tr>
`;
  });
  const caption = "Login roles with their sessions over the watch. The dashed line is the limit.";
  return table(caption, ["role", "#now", "#peak", "#limit", "#declared", "sessions"], rows);
}

function ownersTable(owners: SchemaOwners[]): Html {
  const words = (all: [string, number][] | undefined) =>
    all === undefined ? "no baseline" : all.map(([owner, objects]) => `${owner} ${objects}`).join(", ") || "no objects";
  const rows = owners.map(
    ({ database, schema, before, now }) =>
      html`<tr><th scope="row">${database}</th><td data-label="schema">${schema}</td><td data-label="before">${words(before)}</td><td data-label="now">${words(now)}</td></tr>
`,
  );
  const caption = "Owners of the objects in each schema, with their numbers: before the first up, and now.";
  return table(caption, ["database", "schema", "before", "now"], rows);
}

function servicesTable(services: ServiceState[]): Html {
  const state = ({ inForce, isPending }: ServiceState) =>
    `${inForce === undefined ? "not deployed" : inForce === "role" ? "on its role" : "on its legacy URL"}${isPending ? "; the next up changes it" : ""}`;
  const rows = services.map(
    (service) =>
      html`<tr><th scope="row">${service.name}</th><td data-label="state">${state(service)}</td><td data-label="role">${service.role}</td><td data-label="database">${service.database}</td><td data-label="runtime">${service.runtime}</td><td data-label="rollback">${rollback(service.rollback)}</td></tr>
`,
  );
  const onRole = services.filter(({ inForce }) => inForce === "role").length;
  const caption = `${onRole} of ${services.length} services are on their roles.`;
  return table(caption, ["service", "state", "role", "database", "runtime", "rollback"], rows);
}

function rollback(text: string): Html {
  return text.startsWith("npx ") ? html`<code>${text}</code>` : html`${text}`;
}

function findings({ findings: found, unchecked, notes, ignored, benchmark }: AuditDocument): Html {
  const rows = found
    .toSorted((a, b) => severities.indexOf(a.severity) - severities.indexOf(b.severity))
    .map(({ severity, check, what, fix, details, cis }) => {
      const more = [...details, ...(cis ? [`${benchmark}, ${cis.number}: ${cis.title}`] : [])];
      const list = html`<details><summary>Details</summary><ul>${more.map((line) => html`<li>${line}</li>`)}</ul></details>`;
      return html`<tr><td class="severity severity-${severity}">${severity}</td><td data-label="subject">${checks[check]}</td><td>${what}${more.length > 0 ? list : ""}</td><td data-label="fix"><code>${fix}</code></td></tr>
`;
    });
  const caption = "What differs from what is declared or safe, the most urgent first.";
  const unmade = unchecked.map(
    ({ check, why, fix }) => html`<li><strong>${check}</strong>: ${why}. To check it: <code>${fix}</code></li>`,
  );
  return html`${rows.length > 0 ? table(caption, ["severity", "subject", "finding", "fix"], rows) : html`<p>No findings.</p>`}
${unmade.length > 0 ? html`<h3>Not checked</h3><ul>${unmade}</ul>` : ""}
${notes.map((note) => html`<p class="muted">${oneLine(note)}.</p>`)}
${ignored.length > 0 ? html`<p class="muted">Ignored: ${ignored.join(", ")}.</p>` : ""}`;
}
