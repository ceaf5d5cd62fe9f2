CREATE SCHEMA fleet;

CREATE SCHEMA jobs;

CREATE TYPE fleet.vehicle_state AS ENUM ('parked', 'driving', 'offline');

CREATE TYPE jobs.run_result AS ENUM ('running', 'succeeded', 'failed');

CREATE TABLE fleet.vehicles (
  id serial PRIMARY KEY,
  plate text NOT NULL UNIQUE,
  state fleet.vehicle_state NOT NULL DEFAULT 'parked',
  changed_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE fleet.gateway_sessions (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  vehicle_id integer NOT NULL REFERENCES fleet.vehicles,
  opened_at timestamptz NOT NULL DEFAULT now(),
  closed_at timestamptz
);

CREATE TABLE jobs.schedules (
  job text PRIMARY KEY,
  every interval NOT NULL,
  last_run timestamptz
);

CREATE TABLE jobs.runs (
  id bigserial PRIMARY KEY,
  job text NOT NULL REFERENCES jobs.schedules,
  result jobs.run_result NOT NULL DEFAULT 'running',
  vehicles integer NOT NULL DEFAULT 0,
  started_at timestamptz NOT NULL DEFAULT now()
);

CREATE SEQUENCE jobs.lease_number;

CREATE FUNCTION fleet.driving_count() RETURNS integer LANGUAGE sql STABLE AS $$
  SELECT count(*)::integer FROM fleet.vehicles WHERE state = 'driving'
$$;

CREATE VIEW fleet.v_active_sessions AS
SELECT s.id, v.plate, s.opened_at FROM fleet.gateway_sessions s JOIN fleet.vehicles v ON v.id = s.vehicle_id
WHERE s.closed_at IS NULL;

CREATE VIEW jobs.v_overview AS
SELECT s.job, s.last_run, fleet.driving_count() AS driving, count(r.id) AS runs
FROM jobs.schedules s LEFT JOIN jobs.runs r USING (job)
GROUP BY s.job, s.last_run;
