-- Without TimescaleDB: partitions replace the chunks, and a materialized view replaces the continuous aggregate.

CREATE TABLE tracksolid.position_history (
  imei text NOT NULL,
  recorded_at timestamptz NOT NULL,
  lat double precision NOT NULL,
  lng double precision NOT NULL,
  speed_kmh real NOT NULL DEFAULT 0,
  PRIMARY KEY (imei, recorded_at)
) PARTITION BY RANGE (recorded_at);

-- One partition per day: 29 past days, today and tomorrow.

DO $$
DECLARE
  today timestamp := date_trunc('day', now() AT TIME ZONE 'UTC');
  day timestamp;
BEGIN
  FOR day IN SELECT today + d * interval '1 day' FROM generate_series(-29, 1) d LOOP
    EXECUTE format('CREATE TABLE tracksolid.%I PARTITION OF tracksolid.position_history FOR VALUES FROM (%L) TO (%L)',
      'position_history_' || to_char(day, 'YYYYMMDD'), day AT TIME ZONE 'UTC', (day + interval '1 day') AT TIME ZONE 'UTC');
  END LOOP;
END
$$;

INSERT INTO tracksolid.position_history (imei, recorded_at, lat, lng, speed_kmh)
SELECT (860000000000000 + n)::text, (date_trunc('day', now() AT TIME ZONE 'UTC') + d * interval '1 day' + n * interval '1 minute') AT TIME ZONE 'UTC',
  52.0 + d * 0.01, 4.9 + n * 0.01, 40 + n
FROM generate_series(-29, 1) d, generate_series(1, 12) n;

CREATE MATERIALIZED VIEW reporting.v_mileage_daily_cagg AS
SELECT imei, date_trunc('day', recorded_at) AS day, count(*) AS positions, avg(speed_kmh) * 24 AS mileage_km
FROM tracksolid.position_history
GROUP BY imei, date_trunc('day', recorded_at);

CREATE UNIQUE INDEX v_mileage_daily_cagg_key ON reporting.v_mileage_daily_cagg (imei, day);
