-- The statements that run_migrations.py runs at every start of webhook_receiver, ingest_worker and worker. ALTER and
-- CREATE OR REPLACE need the owner, even if IF NOT EXISTS finds the object.

CREATE SCHEMA IF NOT EXISTS tracksolid;

CREATE TABLE IF NOT EXISTS tracksolid.ingest_state (
  service text PRIMARY KEY,
  last_batch bigint NOT NULL DEFAULT 0,
  updated_at timestamptz NOT NULL DEFAULT now()
);

ALTER TABLE tracksolid.position_history ADD COLUMN IF NOT EXISTS heading real;

CREATE INDEX IF NOT EXISTS webhook_payloads_by_time ON tracksolid.webhook_payloads (received_at);

CREATE OR REPLACE VIEW reporting.v_device_health AS
SELECT d.imei, d.plate, d.last_seen, count(a.id) AS alarms
FROM tracksolid.devices d LEFT JOIN tracksolid.alarms a USING (imei)
GROUP BY d.imei, d.plate, d.last_seen;

INSERT INTO tracksolid.schema_migrations (version) VALUES ('0041_device_health')
ON CONFLICT (version) DO UPDATE SET applied_by = current_user, applied_at = now();
