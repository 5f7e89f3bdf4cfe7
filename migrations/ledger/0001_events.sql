-- Every event once, whatever became of it. The raw bodies stand apart, so that removing them after their
-- retention touches neither the ids, which are kept for ever, nor this table's hot index.
CREATE TABLE events (
    id                 TEXT        NOT NULL,
    account            TEXT        NOT NULL,
    livemode           BOOLEAN     NOT NULL,
    content_hash       TEXT        NOT NULL,
    type               TEXT        NOT NULL,
    api_version        TEXT,
    created_at         TIMESTAMPTZ NOT NULL,
    received_at        TIMESTAMPTZ NOT NULL,
    recorded_at        TIMESTAMPTZ NOT NULL,
    source             TEXT        NOT NULL,
    endpoint           TEXT        NOT NULL,
    unwanted           TEXT        CHECK (unwanted IN ('wrong_mode', 'wrong_account')),
    trace_parent       TEXT        NOT NULL,
    outcome            TEXT        NOT NULL CHECK (outcome IN ('applied', 'ignored', 'waiting', 'dead')),
    reason             TEXT,
    attempts           BIGINT      NOT NULL,
    retry_at           TIMESTAMPTZ,
    repetitions        BIGINT      NOT NULL DEFAULT 0,
    -- The deliveries that came after the first, each by its span: one that comes again after a crash is known.
    further_deliveries TEXT        NOT NULL DEFAULT '',
    handler_version    BIGINT      NOT NULL,
    -- Why it failed, since when, and what it may cost. `fingerprint` is equal for all that fail of one cause.
    fingerprint        TEXT,
    first_failed_at    TIMESTAMPTZ,
    last_failed_at     TIMESTAMPTZ,
    failures           TEXT,
    object_id          TEXT,
    customer           TEXT,
    amount             BIGINT,
    currency           TEXT,
    -- The segment that has its body, and the place in there.
    segment            BIGINT,
    place              BIGINT,
    -- When its body was erased, where somebody asked for that.
    erased_at          TIMESTAMPTZ,
    PRIMARY KEY (id, account, livemode, content_hash),
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

-- The bodies of a batch, compressed together: Stripe's bodies resemble each other. Its number begins with the
-- time, so the oldest segments are the first ones.
CREATE TABLE segments (
    number             BIGINT      NOT NULL PRIMARY KEY,
    recorded_at        TIMESTAMPTZ NOT NULL,
    events             BIGINT      NOT NULL,
    checksum           BYTEA       NOT NULL,
    content            BYTEA       NOT NULL
);

-- Bodies that outlive their segment, each by itself.
CREATE TABLE bodies (
    id              TEXT        NOT NULL,
    account         TEXT        NOT NULL,
    livemode        BOOLEAN     NOT NULL,
    content_hash    TEXT        NOT NULL,
    body            BYTEA       NOT NULL,
    PRIMARY KEY (id, account, livemode, content_hash)
);

-- An event that is being handled alone. A mark that is still here later means: whoever began did not come back.
CREATE TABLE started (
    id              TEXT        NOT NULL,
    account         TEXT        NOT NULL,
    livemode        BOOLEAN     NOT NULL,
    content_hash    TEXT        NOT NULL,
    started_at      TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (id, account, livemode, content_hash)
);

-- Which objects a dead letter is about or names.
CREATE TABLE dead_letter_names (
    object_id       TEXT        NOT NULL,
    id              TEXT        NOT NULL,
    account         TEXT        NOT NULL,
    livemode        BOOLEAN     NOT NULL,
    content_hash    TEXT        NOT NULL,
    PRIMARY KEY (object_id, id, account, livemode, content_hash)
);

-- Objects part of whose events' bytes are no longer kept: what the rest comes to may be less than the ledger has.
CREATE TABLE retired_subjects (
    subject_kind    TEXT        NOT NULL,
    id              TEXT        NOT NULL,
    account         TEXT        NOT NULL,
    livemode        BOOLEAN     NOT NULL,
    PRIMARY KEY (id, account, livemode, subject_kind)
);
