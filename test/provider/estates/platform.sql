-- A backend platform's database: schemas of several owners, row level security everywhere, helper functions, extensions in a
-- schema of their own, default privileges of two roles.
CREATE ROLE auth_admin;
CREATE ROLE storage_admin;
CREATE ROLE anon;
CREATE ROLE authenticated;
CREATE ROLE service_role BYPASSRLS;
CREATE ROLE authenticator LOGIN NOINHERIT;
GRANT anon, authenticated, service_role TO authenticator;

CREATE SCHEMA auth AUTHORIZATION auth_admin;
CREATE SCHEMA storage AUTHORIZATION storage_admin;
CREATE SCHEMA extensions;
CREATE SCHEMA app;
CREATE EXTENSION IF NOT EXISTS hstore SCHEMA extensions;
GRANT USAGE ON SCHEMA app, auth, storage, extensions TO anon, authenticated, service_role;

SET ROLE auth_admin;
CREATE TABLE auth.users (id uuid PRIMARY KEY, email text, raw jsonb);
CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT nullif(current_setting('request.sub', true), '')::uuid $$;
CREATE FUNCTION auth.email_of(uuid) RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT email FROM auth.users WHERE id = $1';
REVOKE EXECUTE ON FUNCTION auth.email_of FROM PUBLIC;
GRANT SELECT, REFERENCES ON auth.users TO postgres;
RESET ROLE;

SET ROLE storage_admin;
CREATE TABLE storage.buckets (id text PRIMARY KEY, owner uuid);
CREATE TABLE storage.objects (id uuid PRIMARY KEY, bucket_id text REFERENCES storage.buckets, owner uuid);
ALTER TABLE storage.objects ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON storage.objects TO authenticated USING (owner IS NOT NULL);
GRANT SELECT ON storage.buckets, storage.objects TO anon, authenticated, service_role;
RESET ROLE;

CREATE TABLE app.profiles (id uuid PRIMARY KEY REFERENCES auth.users, nick text, tags extensions.hstore);
CREATE TABLE app.posts (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, author uuid REFERENCES app.profiles, body text);
ALTER TABLE app.profiles ENABLE ROW LEVEL SECURITY;
ALTER TABLE app.posts ENABLE ROW LEVEL SECURITY;
ALTER TABLE app.posts FORCE ROW LEVEL SECURITY;
CREATE POLICY readable ON app.posts FOR SELECT USING (true);
CREATE POLICY own ON app.profiles TO authenticated USING (id = auth.uid());
CREATE VIEW app.feed AS SELECT p.body, f.nick FROM app.posts p JOIN app.profiles f ON f.id = p.author;
CREATE VIEW app.mine WITH (security_invoker = true) AS SELECT u.email, p.body FROM auth.users u JOIN app.posts p ON p.author = u.id;
CREATE FUNCTION app.whoami() RETURNS text LANGUAGE sql AS 'SELECT auth.email_of(auth.uid())';
CREATE VIEW app.me AS SELECT auth.email_of(auth.uid()) AS email;
CREATE MATERIALIZED VIEW app.authors AS SELECT id, auth.email_of(id) AS email FROM app.profiles;
GRANT SELECT ON ALL TABLES IN SCHEMA app TO anon, authenticated;
ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT SELECT ON TABLES TO anon, authenticated;
ALTER DEFAULT PRIVILEGES FOR ROLE auth_admin IN SCHEMA auth GRANT SELECT ON TABLES TO postgres;
CREATE PUBLICATION realtime FOR TABLE app.posts;
SELECT lo_create(0);
