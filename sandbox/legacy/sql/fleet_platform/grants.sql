GRANT USAGE ON SCHEMA fleet, jobs TO analytics_ro, grafana_ro;

GRANT SELECT ON ALL TABLES IN SCHEMA fleet, jobs TO analytics_ro, grafana_ro;

ALTER DEFAULT PRIVILEGES IN SCHEMA fleet, jobs GRANT SELECT ON TABLES TO analytics_ro, grafana_ro;
