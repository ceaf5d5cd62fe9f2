CREATE SCHEMA tracksolid;

CREATE SCHEMA reporting;

CREATE SCHEMA tickets;

CREATE DOMAIN tracksolid.imei AS text CHECK (VALUE ~ '^[0-9]{15}$');

CREATE TYPE tracksolid.geo_point AS (lat double precision, lng double precision);

CREATE TYPE tracksolid.alarm_severity AS ENUM ('info', 'warning', 'critical');

CREATE TYPE reporting.trip_status AS ENUM ('open', 'closed', 'discarded');

CREATE TYPE tickets.ticket_state AS ENUM ('new', 'assigned', 'resolved', 'closed');

CREATE DOMAIN tickets.email AS text CHECK (VALUE LIKE '%@%');
