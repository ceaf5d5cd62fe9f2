INSERT INTO fleet.vehicles (plate) SELECT 'KT-' || lpad(n::text, 4, '0') FROM generate_series(1, 12) n;

INSERT INTO fleet.gateway_sessions (vehicle_id) SELECT id FROM fleet.vehicles WHERE id <= 4;

INSERT INTO jobs.schedules (job, every) VALUES ('close-sessions', '1 minute'), ('daily-report', '1 day');

INSERT INTO jobs.runs (job, result) SELECT job, 'succeeded' FROM jobs.schedules;
