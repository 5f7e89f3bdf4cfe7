-- An event is found by two numbers and Stripe's `created` in place of its texts: 24 bytes that are kept for ever (ADR 64).
-- Rust fills these tables from the older ones before the next migration drops those; and divides `events` on Postgres.

ALTER TABLE replay_items ADD COLUMN created_at TIMESTAMPTZ NOT NULL DEFAULT '1970-01-01T00:00:00+00:00';
UPDATE replay_items SET created_at = (SELECT e.created_at FROM events e WHERE e.id = replay_items.id
    AND e.account = replay_items.account AND e.livemode = replay_items.livemode
    AND e.content_hash = replay_items.content_hash)
    WHERE EXISTS (SELECT 1 FROM events e WHERE e.id = replay_items.id AND e.account = replay_items.account
    AND e.livemode = replay_items.livemode AND e.content_hash = replay_items.content_hash);

-- Of the event's id: lists of what moved an object find their events by it.
ALTER TABLE audit ADD COLUMN event_hash BIGINT;

DROP INDEX events_by_time;
DROP INDEX events_waiting;
DROP INDEX events_dead;
DROP INDEX events_dead_by_cause;
DROP INDEX events_without_rule;
DROP INDEX events_in_test;
DROP INDEX bodies_by_key;
ALTER TABLE events RENAME TO events_before;
ALTER TABLE bodies RENAME TO bodies_before;
ALTER TABLE dead_letter_names RENAME TO dead_letter_names_before;

-- Every event once, whatever became of it. Columns of one width come first: they take no padding.
CREATE TABLE events (
    id_hash            BIGINT      NOT NULL,
    rest_hash          BIGINT      NOT NULL,
    created_at         TIMESTAMPTZ NOT NULL,
    received_at        TIMESTAMPTZ NOT NULL,
    recorded_at        TIMESTAMPTZ NOT NULL,
    attempts           BIGINT      NOT NULL,
    repetitions        BIGINT      NOT NULL DEFAULT 0,
    handler_version    BIGINT      NOT NULL,
    -- The segment that has its body, and the place in there.
    segment            BIGINT,
    place              BIGINT,
    retry_at           TIMESTAMPTZ,
    first_failed_at    TIMESTAMPTZ,
    last_failed_at     TIMESTAMPTZ,
    -- When its body was erased, where somebody asked for that.
    erased_at          TIMESTAMPTZ,
    amount             BIGINT,
    livemode           BOOLEAN     NOT NULL,
    id                 TEXT        NOT NULL,
    account            TEXT        NOT NULL,
    content_hash       TEXT        NOT NULL,
    type               TEXT        NOT NULL,
    api_version        TEXT,
    source             TEXT        NOT NULL,
    endpoint           TEXT        NOT NULL,
    unwanted           TEXT        CHECK (unwanted IN ('wrong_mode', 'wrong_account')),
    trace_parent       TEXT        NOT NULL,
    outcome            TEXT        NOT NULL CHECK (outcome IN ('applied', 'ignored', 'waiting', 'dead')),
    reason             TEXT,
    -- The deliveries that came after the first, each by its span: one that comes again after a crash is known.
    further_deliveries TEXT        NOT NULL DEFAULT '',
    -- Why it failed, since when, and what it may cost. `fingerprint` is equal for all that fail of one cause.
    fingerprint        TEXT,
    failures           TEXT,
    object_id          TEXT,
    customer           TEXT,
    currency           TEXT,
    PRIMARY KEY (id_hash, rest_hash, created_at),
    CHECK ((outcome = 'waiting') = (retry_at IS NOT NULL)),
    CHECK (outcome <> 'dead' OR reason IS NOT NULL)
);
-- Retention and the newest on the page of events.
CREATE INDEX events_by_time ON events (recorded_at);
-- What is due: asked for every second.
CREATE INDEX events_waiting ON events (retry_at) WHERE outcome = 'waiting';
-- Dead letters, and those of one cause.
CREATE INDEX events_dead ON events (recorded_at) WHERE outcome = 'dead';
CREATE INDEX events_dead_by_cause ON events (fingerprint, recorded_at) WHERE outcome = 'dead';
-- Which types without a rule come in by webhook: those are missed when one does not come.
CREATE INDEX events_without_rule ON events (type, source) WHERE outcome = 'ignored';
-- What is of the test mode is found without reading what is live.
CREATE INDEX events_in_test ON events (recorded_at) WHERE livemode = FALSE;

-- Bodies that outlive their segment, each by itself. A seal needs the whole key, also where the event is gone.
CREATE TABLE bodies (
    id_hash         BIGINT      NOT NULL,
    rest_hash       BIGINT      NOT NULL,
    created_at      TIMESTAMPTZ NOT NULL,
    id              TEXT        NOT NULL,
    account         TEXT        NOT NULL,
    livemode        BOOLEAN     NOT NULL,
    content_hash    TEXT        NOT NULL,
    body            BYTEA       NOT NULL,
    sealed_by       TEXT,
    PRIMARY KEY (id_hash, rest_hash, created_at)
);
CREATE INDEX bodies_by_key ON bodies (sealed_by) WHERE sealed_by IS NOT NULL;

-- Which objects a dead letter is about or names.
CREATE TABLE dead_letter_names (
    object_id       TEXT        NOT NULL,
    id_hash         BIGINT      NOT NULL,
    rest_hash       BIGINT      NOT NULL,
    created_at      TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (object_id, id_hash, rest_hash, created_at)
);
