-- How far chores that work through the past have come.
CREATE TABLE chores (
    name            TEXT        NOT NULL PRIMARY KEY,
    done_until      TIMESTAMPTZ NOT NULL
);

-- Which worker does what only one may do at a time, and until when others leave it alone.
CREATE TABLE leases (
    name            TEXT        NOT NULL PRIMARY KEY,
    holder          TEXT        NOT NULL,
    until_at        TIMESTAMPTZ NOT NULL
);

-- How far each request to bring back missing events has come, so that one that was cut off goes on.
CREATE TABLE backfills (
    scope           TEXT        NOT NULL PRIMARY KEY,
    since_at        TIMESTAMPTZ NOT NULL,
    until_at        TIMESTAMPTZ,
    last_event_id   TEXT        NOT NULL,
    updated_at      TIMESTAMPTZ NOT NULL
);

-- Objects that were read again from Stripe: on which report of ours it was asked for, and the stamp of the
-- answer. An answer that settles nothing is not asked for again.
CREATE TABLE refetches (
    kind            TEXT        NOT NULL,
    id              TEXT        NOT NULL,
    account         TEXT        NOT NULL,
    livemode        BOOLEAN     NOT NULL,
    freshness       TEXT        NOT NULL,
    answer          TEXT        NOT NULL CHECK (answer IN ('told', 'missing', 'refused')),
    answer_stamp    TEXT        NOT NULL,
    asked_at        TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (id, account, livemode, kind)
);

-- When staff, or the program itself, stopped consumption, why, and who let it go on. At most one pause lasts.
CREATE TABLE pauses (
    number          BIGINT      NOT NULL PRIMARY KEY,
    reason          TEXT        NOT NULL,
    paused_by       TEXT        NOT NULL,
    paused_at       TIMESTAMPTZ NOT NULL,
    resumed_by      TEXT,
    resumed_at      TIMESTAMPTZ,
    CHECK ((resumed_by IS NULL) = (resumed_at IS NULL))
);
CREATE UNIQUE INDEX pauses_lasting ON pauses ((resumed_at IS NULL)) WHERE resumed_at IS NULL;
