-- Roles of Tidegate on Postgres. Run it as an administrator of the database: once before the first `tidegate migrate`,
-- which needs the owner, and after each one, as only tables that are there can be closed. It may be run again at any time.
--
--   tidegate_owner   owns the tables; only `tidegate migrate` and `tidegate restore` log in as it
--   tidegate_worker  gateway's worker, console and command line: reads and writes, and cannot change what was decided
--
-- Give both a password (ALTER ROLE … PASSWORD), and let those two have the owner's address, all others the worker's.
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tidegate_owner') THEN CREATE ROLE tidegate_owner LOGIN; END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tidegate_worker') THEN CREATE ROLE tidegate_worker LOGIN; END IF;
    -- Who is no superuser may only do what follows as a member.
    IF NOT pg_has_role('tidegate_owner', 'USAGE') THEN GRANT tidegate_owner TO CURRENT_USER; END IF;
END $$;

GRANT USAGE, CREATE ON SCHEMA public TO tidegate_owner;
GRANT USAGE ON SCHEMA public TO tidegate_worker;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
-- What a migration makes can be used at once: no worker has to wait for this script.
ALTER DEFAULT PRIVILEGES FOR ROLE tidegate_owner IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO tidegate_worker;

-- What somebody else made becomes the owner's.
DO $$ DECLARE change text; BEGIN
    FOR change IN
        SELECT format('ALTER TABLE %s OWNER TO tidegate_owner', CAST(oid AS regclass)) FROM pg_class
        WHERE relnamespace = CAST('public' AS regnamespace) AND relkind IN ('r', 'p')
            AND relowner <> CAST('tidegate_owner' AS regrole)
        UNION ALL
        SELECT format('ALTER FUNCTION %s OWNER TO tidegate_owner', CAST(oid AS regprocedure)) FROM pg_proc
        WHERE pronamespace = CAST('public' AS regnamespace) AND starts_with(proname, 'tidegate_')
            AND proowner <> CAST('tidegate_owner' AS regrole)
    LOOP EXECUTE change; END LOOP;
END $$;

DO $$ BEGIN
    IF to_regclass('public._sqlx_migrations') IS NULL THEN RETURN; END IF; -- nothing is migrated yet

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
END $$;
