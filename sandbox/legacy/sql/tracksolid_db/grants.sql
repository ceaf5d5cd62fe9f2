GRANT USAGE ON SCHEMA tracksolid, reporting, tickets TO analytics_ro, dashboard_ro;

GRANT USAGE ON SCHEMA tracksolid, reporting TO grafana_ro;

GRANT USAGE ON SCHEMA tracksolid TO reporting_refresher;

GRANT USAGE, CREATE ON SCHEMA reporting TO reporting_refresher;

GRANT SELECT ON ALL TABLES IN SCHEMA tracksolid, reporting, tickets TO analytics_ro, dashboard_ro;

GRANT SELECT ON ALL TABLES IN SCHEMA tracksolid, reporting TO grafana_ro;

GRANT SELECT ON tracksolid.devices, reporting.trips TO reporting_refresher;

GRANT INSERT ON reporting.report_runs TO reporting_refresher;

GRANT USAGE ON SEQUENCE reporting.report_runs_id_seq, reporting.report_number TO reporting_refresher;

REVOKE EXECUTE ON FUNCTION tracksolid.raise_alarm(text, text) FROM PUBLIC;

ALTER DEFAULT PRIVILEGES IN SCHEMA tracksolid, reporting, tickets GRANT SELECT ON TABLES TO analytics_ro, dashboard_ro;

ALTER DEFAULT PRIVILEGES IN SCHEMA tracksolid, reporting GRANT SELECT ON TABLES TO grafana_ro;
