CREATE FUNCTION tracksolid.touch_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.updated_at := now();
  RETURN NEW;
END
$$;

CREATE TRIGGER devices_touch BEFORE UPDATE ON tracksolid.devices
FOR EACH ROW EXECUTE FUNCTION tracksolid.touch_updated_at();

CREATE TRIGGER tickets_touch BEFORE UPDATE ON tickets.tickets
FOR EACH ROW EXECUTE FUNCTION tracksolid.touch_updated_at();

CREATE FUNCTION tracksolid.distance_km(a tracksolid.geo_point, b tracksolid.geo_point) RETURNS double precision
LANGUAGE sql IMMUTABLE AS $$
  SELECT 111.0 * sqrt(power(a.lat - b.lat, 2) + power((a.lng - b.lng) * cos(radians(a.lat)), 2))
$$;

CREATE FUNCTION tracksolid.distance_km(lat1 double precision, lng1 double precision, lat2 double precision, lng2 double precision)
RETURNS double precision LANGUAGE sql IMMUTABLE AS $$
  SELECT tracksolid.distance_km(ROW(lat1, lng1)::tracksolid.geo_point, ROW(lat2, lng2)::tracksolid.geo_point)
$$;

CREATE AGGREGATE reporting.top_speed(real) (SFUNC = float4larger, STYPE = real);

-- Lets a caller raise an alarm without privileges on the table.

CREATE FUNCTION tracksolid.raise_alarm(device text, what text) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = tracksolid, pg_temp AS $$
  INSERT INTO tracksolid.alarms (imei, severity, message) VALUES (device, 'critical', what) RETURNING id
$$;

CREATE FUNCTION tickets.open_count() RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT count(*) FROM tickets.tickets WHERE state NOT IN ('resolved', 'closed')
$$;

CREATE PROCEDURE reporting.close_stale_trips(older_than interval) LANGUAGE sql AS $$
  UPDATE reporting.trips SET status = 'closed', ended_at = now() WHERE status = 'open' AND started_at < now() - older_than
$$;

CREATE PROCEDURE tracksolid.forget_payloads(older_than interval) LANGUAGE sql AS $$
  DELETE FROM tracksolid.webhook_payloads WHERE received_at < now() - older_than
$$;
