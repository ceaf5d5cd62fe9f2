CREATE SCHEMA app;

CREATE SCHEMA "Odd "" schema";

CREATE TABLE app.plain (id bigserial PRIMARY KEY, secret text);

CREATE TABLE app.parted (id int) PARTITION BY RANGE (id);

CREATE TABLE app.parted_1 PARTITION OF app.parted FOR VALUES FROM (0) TO (10);

CREATE VIEW app.a_view AS SELECT id FROM app.plain;

CREATE MATERIALIZED VIEW app.a_matview AS SELECT id FROM app.plain;

CREATE FOREIGN DATA WRAPPER nowhere;

CREATE SERVER elsewhere FOREIGN DATA WRAPPER nowhere;

CREATE FOREIGN TABLE app.remote (id int) SERVER elsewhere;

CREATE SEQUENCE app.free_seq;

CREATE TYPE app.mood AS ENUM ('good', 'bad');

CREATE DOMAIN app.word AS text;

CREATE TYPE app.pair AS (a int, b app.mood);

CREATE TYPE app.span AS RANGE (subtype = int);

CREATE FUNCTION app.f(a integer, b app.mood DEFAULT 'good', OUT c int) LANGUAGE sql AS 'SELECT 1';

CREATE FUNCTION app.f(VARIADIC texts text[]) RETURNS int LANGUAGE sql AS 'SELECT 2';

CREATE FUNCTION app.as_owner() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 3';

CREATE PROCEDURE app.p(IN a integer, OUT b integer) LANGUAGE sql AS 'SELECT 1';

CREATE AGGREGATE app.total(*) (SFUNC = int8inc, STYPE = int8, INITCOND = '0');

CREATE AGGREGATE app.median(float8 ORDER BY anyelement) (SFUNC = ordered_set_transition, STYPE = internal, FINALFUNC = percentile_disc_final, FINALFUNC_EXTRA);

CREATE TABLE "Odd "" schema"."Robert'); DROP TABLE app.plain;--" (id int);

CREATE TABLE "Odd "" schema"."back\slash.and.dots, ünïcödé" (id int);

CREATE FUNCTION "Odd "" schema"."select"("Arg ""x" integer, "Type" app.pair) RETURNS int LANGUAGE sql AS 'SELECT 4';

CREATE TYPE "Odd "" schema"."Kind 'of'" AS ENUM ('x');
