-- What Stripe sends to the merchant's bank account, or takes from it (a negative amount).
CREATE TABLE payouts (
    id                       TEXT        NOT NULL,
    account                  TEXT        NOT NULL,
    livemode                 BOOLEAN     NOT NULL,
    status                   TEXT        NOT NULL DEFAULT 'unknown',
    amount                   BIGINT      NOT NULL DEFAULT 0,
    currency                 TEXT        NOT NULL DEFAULT '',
    arrival_date             TIMESTAMPTZ,
    automatic                BOOLEAN     NOT NULL DEFAULT FALSE,
    failure_code             TEXT,
    created_at               TIMESTAMPTZ,
    reconciled_at            TIMESTAMPTZ,
    needs_refetch            BOOLEAN     NOT NULL DEFAULT FALSE,
    first_event_at           TIMESTAMPTZ,
    last_event_at            TIMESTAMPTZ,
    merge_state              BYTEA       NOT NULL DEFAULT '',
    revision                 BIGINT      NOT NULL DEFAULT 0,
    audit_hash               BYTEA       NOT NULL DEFAULT '',
    PRIMARY KEY (id, account, livemode)
);
CREATE INDEX payouts_uncertain ON payouts (id) WHERE needs_refetch;
