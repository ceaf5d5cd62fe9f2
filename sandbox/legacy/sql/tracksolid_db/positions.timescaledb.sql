CREATE EXTENSION IF NOT EXISTS timescaledb;

CREATE TABLE tracksolid.position_history (
  imei text NOT NULL,
  recorded_at timestamptz NOT NULL,
  lat double precision NOT NULL,
  lng double precision NOT NULL,
  speed_kmh real NOT NULL DEFAULT 0,
  PRIMARY KEY (imei, recorded_at)
);

SELECT public.create_hypertable('tracksolid.position_history', 'recorded_at', chunk_time_interval => interval '1 day');

-- One chunk per day: 29 past days, today and tomorrow.

INSERT INTO tracksolid.position_history (imei, recorded_at, lat, lng, speed_kmh)
SELECT (860000000000000 + n)::text, (date_trunc('day', now() AT TIME ZONE 'UTC') + d * interval '1 day' + n * interval '1 minute') AT TIME ZONE 'UTC',
  52.0 + d * 0.01, 4.9 + n * 0.01, 40 + n
FROM generate_series(-29, 1) d, generate_series(1, 12) n;

ALTER TABLE tracksolid.position_history SET (timescaledb.compress, timescaledb.compress_segmentby = 'imei');

SELECT public.compress_chunk(c) FROM public.show_chunks('tracksolid.position_history', older_than => interval '14 days') c;

SELECT public.add_compression_policy('tracksolid.position_history', compress_after => interval '14 days');

CREATE MATERIALIZED VIEW reporting.v_mileage_daily_cagg WITH (timescaledb.continuous) AS
SELECT imei, public.time_bucket('1 day', recorded_at) AS day, count(*) AS positions, avg(speed_kmh) * 24 AS mileage_km
FROM tracksolid.position_history
GROUP BY imei, public.time_bucket('1 day', recorded_at)
WITH NO DATA;

CALL public.refresh_continuous_aggregate('reporting.v_mileage_daily_cagg', NULL, NULL);

SELECT public.add_continuous_aggregate_policy('reporting.v_mileage_daily_cagg',
  start_offset => interval '7 days', end_offset => interval '1 hour', schedule_interval => interval '1 hour');
