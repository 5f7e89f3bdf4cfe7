-- Every event once, whatever became of it. The raw bodies stand apart, so that removing them after their
-- retention touches neither the ids, which are kept for ever, nor this table's hot index.
CREATE TABLE events (
    id              TEXT        NOT NULL,
    account         TEXT        NOT NULL,
    livemode        BOOLEAN     NOT NULL,
    content_hash    TEXT        NOT NULL,
    type            TEXT        NOT NULL,
    api_version     TEXT,
    created_at      TIMESTAMPTZ NOT NULL,
    received_at     TIMESTAMPTZ NOT NULL,
    recorded_at     TIMESTAMPTZ NOT NULL,
    source          TEXT        NOT NULL,
    endpoint        TEXT        NOT NULL,
    unwanted        TEXT        CHECK (unwanted IN ('wrong_mode', 'wrong_account')),
    trace_parent    TEXT        NOT NULL,
    outcome         TEXT        NOT NULL CHECK (outcome IN ('applied', 'ignored', 'waiting', 'dead')),
    reason          TEXT,
    attempts        BIGINT      NOT NULL,
    retry_at        TIMESTAMPTZ,
    repetitions     BIGINT      NOT NULL DEFAULT 0,
    handler_version BIGINT      NOT NULL,
    PRIMARY KEY (id, account, livemode, content_hash),
    CHECK ((outcome = 'waiting') = (retry_at IS NOT NULL)),
    CHECK (outcome <> 'dead' OR reason IS NOT NULL)
);
CREATE INDEX events_by_time ON events (recorded_at);
CREATE INDEX events_waiting ON events (retry_at) WHERE outcome = 'waiting';
CREATE INDEX events_dead ON events (recorded_at) WHERE outcome = 'dead';

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

-- Every transition and every act of staff. The revision in the key makes a lost update a unique violation.
CREATE TABLE audit (
    subject_id      TEXT        NOT NULL,
    account         TEXT        NOT NULL,
    livemode        BOOLEAN     NOT NULL,
    subject_kind    TEXT        NOT NULL,
    revision        BIGINT      NOT NULL,
    at              TIMESTAMPTZ NOT NULL,
    actor           TEXT        NOT NULL,
    event_id        TEXT,
    what            TEXT        NOT NULL,
    before          TEXT,
    after           TEXT,
    severity        TEXT        NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
    PRIMARY KEY (subject_id, account, livemode, subject_kind, revision)
);
CREATE INDEX audit_by_event ON audit (event_id) WHERE event_id IS NOT NULL;
