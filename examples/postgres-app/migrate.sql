-- Runs at every start, so it must not mind what is there already.
SET client_min_messages = warning;

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'app') THEN
        CREATE ROLE app LOGIN;
    END IF;
END
$$;

CREATE TABLE IF NOT EXISTS events (
    at timestamptz NOT NULL DEFAULT now(),
    what text NOT NULL
);

GRANT SELECT, INSERT ON events TO app;
