import type { AuditDocument } from "./document.ts";
import { type Severity, severities } from "./finding.ts";

interface Sample {
  labels?: Record<string, string>;
  value: number;
}

interface Metric {
  name: string;
  help: string;
  samples: Sample[];
}

/** An audit in Prometheus's text format, for node_exporter's textfile collector. Every metric is a gauge. */
export function auditMetrics(audit: AuditDocument): string {
  const { server, sessions, budget, roles, findings, unchecked } = audit;
  const byRole = (value: (role: AuditDocument["roles"][number]) => number | null): Sample[] =>
    roles.flatMap((role) => {
      const number = value(role);
      return number === null ? [] : [{ labels: { role: role.role }, value: number }];
    });
  const bySeverity = (severity: Severity) => findings.filter((one) => one.severity === severity).length;
  const all: Metric[] = [
    ...health(audit.at, true),
    {
      name: "app_roles_audit_unchecked",
      help: "Checks that could not be made.",
      samples: [{ value: unchecked.length }],
    },
    {
      name: "app_roles_audit_findings",
      help: "Findings by severity.",
      samples: severities.map((severity) => ({ labels: { severity }, value: bySeverity(severity) })),
    },
    {
      name: "app_roles_audit_finding",
      help: "Always 1: one series for each finding.",
      samples: findings.map(({ id, check, severity }) => ({ labels: { id, check, severity }, value: 1 })),
    },
    {
      name: "app_roles_server_connections",
      help: "Connections in use at the end of the audit.",
      samples: [{ value: sessions.now }],
    },
    {
      name: "app_roles_server_connections_peak",
      help: "The most connections in use at one look of the audit.",
      samples: [{ value: sessions.peak }],
    },
    {
      name: "app_roles_server_max_connections",
      help: "max_connections of the server.",
      samples: [{ value: server.maxConnections }],
    },
    {
      name: "app_roles_server_reserved_connections",
      help: "Connections reserved for superusers and pg_use_reserved_connections.",
      samples: [{ value: server.superuserReservedConnections + server.reservedConnections }],
    },
    ...(budget
      ? [
          {
            name: "app_roles_budget_ceiling",
            help: "The most connections that all declared limits may add up to.",
            samples: [{ value: budget.ceiling }],
          },
          {
            name: "app_roles_budget_declared",
            help: "Sum of all declared connection limits.",
            samples: [{ value: budget.declared }],
          },
        ]
      : []),
    {
      name: "app_roles_role_sessions",
      help: "Sessions of the login role at the end of the audit.",
      samples: byRole(({ sessions: now }) => now),
    },
    {
      name: "app_roles_role_sessions_peak",
      help: "The most sessions of the login role at one look of the audit.",
      samples: byRole(({ peak }) => peak),
    },
    {
      name: "app_roles_role_connection_limit",
      help: "CONNECTION LIMIT of the login role on the server; absent if it is unlimited.",
      samples: byRole(({ limit }) => limit),
    },
    {
      name: "app_roles_role_declared_limit",
      help: "Declared connection limit of the login role; absent if it is undeclared.",
      samples: byRole(({ declaredLimit }) => declaredLimit),
    },
  ];
  return all.map((metric) => textOf(metric, audit.stack)).join("");
}

/** The metrics of an audit that could not be made, so that its previous results do not stay in force. */
export function failureMetrics(at: Date, stack: string | null): string {
  return health(at.toISOString(), false)
    .map((metric) => textOf(metric, stack))
    .join("");
}

function health(at: string, isUp: boolean): Metric[] {
  return [
    {
      name: "app_roles_audit_up",
      help: "Whether the server could be audited (1) or not (0).",
      samples: [{ value: isUp ? 1 : 0 }],
    },
    {
      name: "app_roles_audit_timestamp_seconds",
      help: "Time of the audit, in seconds since 1970.",
      samples: [{ value: new Date(at).getTime() / 1000 }],
    },
  ];
}

/** @param stack a label of every series, so that the files of several stacks can be collected together */
function textOf({ name, help, samples }: Metric, stack: string | null): string {
  if (samples.length === 0) return "";
  const lines = samples.map(({ labels = {}, value }) => {
    const list = Object.entries({ ...(stack !== null && { stack }), ...labels }).map(
      ([key, text]) => `${key}="${escaped(text)}"`,
    );
    return `${name}${list.length > 0 ? `{${list.join(",")}}` : ""} ${value}`;
  });
  return `${[`# HELP ${name} ${help}`, `# TYPE ${name} gauge`, ...lines].join("\n")}\n`;
}

/** Escapes a label's value (Prometheus documentation, "Text-based format"). */
function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
