-- How far each request to bring back missing events has come, so that one that was cut off goes on.
CREATE TABLE backfills (
    scope           TEXT        NOT NULL PRIMARY KEY,
    since_at        TIMESTAMPTZ NOT NULL,
    until_at        TIMESTAMPTZ,
    last_event_id   TEXT        NOT NULL,
    updated_at      TIMESTAMPTZ NOT NULL
);

-- Which worker does what only one may do at a time, and until when others leave it alone.
CREATE TABLE leases (
    name            TEXT        NOT NULL PRIMARY KEY,
    holder          TEXT        NOT NULL,
    until_at        TIMESTAMPTZ NOT NULL
);

-- Objects that were read again from Stripe: on which report of ours it was asked for, and the stamp of the
-- answer, in the form that it has inside a freshness key. An answer that settles nothing is not asked for again.
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

-- Which types without a rule come in by webhook: those are missed when one does not come.
CREATE INDEX events_without_rule ON events (type, source) WHERE outcome = 'ignored';
