CREATE VIEW tracksolid.v_latest_position AS
SELECT DISTINCT ON (imei) imei, recorded_at, lat, lng, speed_kmh
FROM tracksolid.position_history
ORDER BY imei, recorded_at DESC;

-- Reads all three schemas.

CREATE VIEW reporting.v_fleet_status AS
SELECT d.imei, d.plate, g.name AS device_group, p.recorded_at, p.speed_kmh, count(t.id) AS open_tickets
FROM tracksolid.devices d
JOIN tracksolid.device_groups g ON g.id = d.group_id
LEFT JOIN tracksolid.v_latest_position p ON p.imei = d.imei
LEFT JOIN tickets.tickets t ON t.imei = d.imei AND t.state IN ('new', 'assigned')
GROUP BY d.imei, d.plate, g.name, p.recorded_at, p.speed_kmh;

CREATE VIEW tickets.v_open_tickets AS
SELECT t.id, t.subject, t.state, d.plate FROM tickets.tickets t LEFT JOIN tracksolid.devices d USING (imei)
WHERE t.state IN ('new', 'assigned');

CREATE MATERIALIZED VIEW reporting.mv_utilisation AS
SELECT imei, count(*) AS trips, sum(distance_km) AS distance_km FROM reporting.trips GROUP BY imei;

CREATE MATERIALIZED VIEW reporting.v_trips AS
SELECT t.id, t.imei, d.plate, t.status, t.started_at, t.ended_at, t.distance_km
FROM reporting.trips t JOIN tracksolid.devices d USING (imei);

CREATE UNIQUE INDEX v_trips_key ON reporting.v_trips (id);

-- Its own role refreshes it and must own it, since REFRESH MATERIALIZED VIEW needs the owner.

ALTER MATERIALIZED VIEW reporting.v_trips OWNER TO reporting_refresher;
