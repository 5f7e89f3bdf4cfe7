-- Roles of Tidegate on Postgres. Run it as an administrator of the database after each `tidegate migrate`: it may be run
-- again at any time.
--
--   tidegate_owner   owns the tables; only `tidegate migrate` logs in as it
--   tidegate_worker  gateway's worker, console and command line: reads and writes, and cannot change what was decided
--
-- Give both a password (ALTER ROLE … PASSWORD), and let `tidegate migrate` have the owner's address, all others the
-- worker's.
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tidegate_owner') THEN CREATE ROLE tidegate_owner LOGIN; END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tidegate_worker') THEN CREATE ROLE tidegate_worker LOGIN; END IF;
END $$;

GRANT USAGE, CREATE ON SCHEMA public TO tidegate_owner;
GRANT USAGE ON SCHEMA public TO tidegate_worker;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO tidegate_worker;
-- Only ever added to.
REVOKE UPDATE, DELETE, TRUNCATE ON assignments, audit, audit_seals, ban_overrides, batch_items, batches, finding_history,
    goods_terms, notes, operation_calls, operation_decisions, policies FROM tidegate_worker;
-- Marked as sealed, never removed.
REVOKE DELETE, TRUNCATE ON audit_commits, checkouts, goods, operations, pending_changes, staff, tokens FROM tidegate_worker;
-- Makes a month of `events`, and analyzes all months, with the rights of their owner.
REVOKE ALL ON FUNCTION tidegate_month_of_events(timestamptz), tidegate_analyze_events() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tidegate_month_of_events(timestamptz), tidegate_analyze_events() TO tidegate_worker;
-- The schema is the owner's.
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON _sqlx_migrations FROM tidegate_worker;
