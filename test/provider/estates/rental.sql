-- A film rental shop: payments partitioned by month in a schema of their own, inheritance, an aggregate, a trigger, an enum
-- and views on views, as sample databases have them.
CREATE SCHEMA shop;
CREATE SCHEMA parts;
CREATE SCHEMA archive;

CREATE TYPE shop.rating AS ENUM ('G', 'PG', 'R');
CREATE DOMAIN shop.year AS integer CHECK (VALUE BETWEEN 1901 AND 2155);

CREATE TABLE shop.film (film_id serial PRIMARY KEY, title text NOT NULL, released shop.year, rating shop.rating, last_update timestamptz DEFAULT now());
CREATE TABLE shop.customer (customer_id serial PRIMARY KEY, name text, active boolean DEFAULT true);
CREATE TABLE shop.rental (rental_id serial PRIMARY KEY, film_id int REFERENCES shop.film, customer_id int REFERENCES shop.customer, at timestamptz);

CREATE TABLE shop.payment (payment_id bigint, customer_id int, amount numeric(5, 2), at timestamptz NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE shop.payment_default PARTITION OF shop.payment DEFAULT;
CREATE TABLE parts.payment_2026_01 PARTITION OF shop.payment FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE parts.payment_2026_02 PARTITION OF shop.payment FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
CREATE INDEX payment_at ON shop.payment (at);

CREATE TABLE archive.rental_2019 (CHECK (at < '2020-01-01')) INHERITS (shop.rental);

CREATE FUNCTION shop.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.last_update = now(); RETURN NEW; END';
CREATE TRIGGER touch BEFORE UPDATE ON shop.film FOR EACH ROW EXECUTE FUNCTION shop.touch();
CREATE FUNCTION shop.join_titles(text, text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT concat_ws(', ', $1, $2) $$;
CREATE AGGREGATE shop.titles(text) (SFUNC = shop.join_titles, STYPE = text);
CREATE FUNCTION shop.in_stock(int) RETURNS boolean LANGUAGE sql SECURITY DEFINER AS 'SELECT NOT EXISTS (SELECT FROM shop.rental WHERE film_id = $1)';

CREATE VIEW shop.customer_list AS SELECT customer_id, name FROM shop.customer WHERE active;
CREATE VIEW shop.sales AS SELECT c.name, sum(p.amount) FROM shop.payment p JOIN shop.customer_list c USING (customer_id) GROUP BY 1;
CREATE MATERIALIZED VIEW shop.film_titles AS SELECT rating, shop.titles(title) FROM shop.film GROUP BY 1;

-- pg_partman's way: its own schema with a template table and its book-keeping.
CREATE SCHEMA partman;
CREATE TABLE partman.part_config (parent_table text PRIMARY KEY, template_table text);
CREATE TABLE partman.template_shop_payment (LIKE shop.payment);
INSERT INTO partman.part_config VALUES ('shop.payment', 'partman.template_shop_payment');

CREATE TABLE public.schema_migrations (version text);
