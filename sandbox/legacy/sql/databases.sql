CREATE DATABASE tracksolid_db;

CREATE DATABASE fleet_platform;

GRANT CONNECT ON DATABASE tracksolid_db TO analytics_ro, dashboard_ro, grafana_ro, reporting_refresher;

GRANT CONNECT ON DATABASE fleet_platform TO analytics_ro, grafana_ro;
