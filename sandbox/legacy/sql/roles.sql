-- The server's existing login roles, with the limits in the runbook's budget (8 + 12 + 5 + 3 = 28).
-- In the sandbox a role's password is its name.

CREATE ROLE analytics_ro LOGIN PASSWORD 'analytics_ro' CONNECTION LIMIT 8;

CREATE ROLE dashboard_ro LOGIN PASSWORD 'dashboard_ro' CONNECTION LIMIT 12;

CREATE ROLE grafana_ro LOGIN PASSWORD 'grafana_ro' CONNECTION LIMIT 5;

CREATE ROLE reporting_refresher LOGIN PASSWORD 'reporting_refresher' CONNECTION LIMIT 3;

ALTER ROLE analytics_ro SET statement_timeout = '5min';

ALTER ROLE grafana_ro SET statement_timeout = '30s';

ALTER ROLE reporting_refresher SET search_path = reporting, tracksolid;
