INSERT INTO tracksolid.schema_migrations (version, applied_at)
SELECT lpad(n::text, 4, '0'), now() - interval '1 year' + n * interval '7 days' FROM generate_series(1, 40) n;

INSERT INTO tracksolid.device_groups (name) VALUES ('vans'), ('lorries'), ('trailers');

INSERT INTO tracksolid.devices (imei, group_id, plate, home)
SELECT (860000000000000 + n)::text, 1 + n % 3, 'KT-' || lpad(n::text, 4, '0'), ROW(52 + n * 0.01::float8, 4.9::float8)::tracksolid.geo_point
FROM generate_series(1, 12) n;

INSERT INTO tracksolid.alarms (imei, severity, message)
SELECT imei, 'warning', 'low battery' FROM tracksolid.devices WHERE id % 4 = 0;

INSERT INTO tracksolid.webhook_payloads (batch, body)
SELECT nextval('tracksolid.batch_number'), '{"event": "position"}' FROM generate_series(1, 5);

INSERT INTO reporting.trips (imei, status, started_at, ended_at, distance_km)
SELECT imei, 'closed', now() - interval '3 hours', now() - interval '2 hours', 40 + id FROM tracksolid.devices;

INSERT INTO reporting.report_runs (report) VALUES ('mileage'), ('utilisation');

INSERT INTO tickets.tickets (imei, reporter, subject)
SELECT imei, 'fleet@example.com', 'No signal from ' || plate FROM tracksolid.devices WHERE id <= 3;

INSERT INTO tickets.comments (ticket_id, author, body)
SELECT id, 'support@example.com', 'Looking into it.' FROM tickets.tickets;

INSERT INTO tickets.attachments (ticket_id, name, content)
SELECT id, 'log.txt', convert_to('no fix', 'UTF8') FROM tickets.tickets;
