-- What came of each replay of an event. A replay that comes again is known.
CREATE TABLE replays (
    id              TEXT        NOT NULL,
    account         TEXT        NOT NULL,
    livemode        BOOLEAN     NOT NULL,
    content_hash    TEXT        NOT NULL,
    replay          TEXT        NOT NULL,
    outcome         TEXT        NOT NULL CHECK (outcome IN ('applied', 'ignored', 'waiting', 'dead')),
    reason          TEXT,
    handled_at      TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (id, account, livemode, content_hash, replay)
);
CREATE INDEX replays_by_replay ON replays (replay, outcome);

-- Replays that staff planned: which events, in which order, and how far they have come.
CREATE TABLE replay_plans (
    replay          TEXT        NOT NULL PRIMARY KEY,
    selection       TEXT        NOT NULL,
    planned_by      TEXT        NOT NULL,
    planned_at      TIMESTAMPTZ NOT NULL
);
-- An event of a file brings its envelope along; the ledger has those of all others.
CREATE TABLE replay_items (
    replay          TEXT        NOT NULL,
    number          BIGINT      NOT NULL,
    id              TEXT        NOT NULL,
    account         TEXT        NOT NULL,
    livemode        BOOLEAN     NOT NULL,
    content_hash    TEXT        NOT NULL,
    header          TEXT,
    body            BYTEA,
    queued_at       TIMESTAMPTZ,
    PRIMARY KEY (replay, number)
);
