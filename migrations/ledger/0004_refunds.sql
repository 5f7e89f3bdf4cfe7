CREATE TABLE refunds (
    id                       TEXT        NOT NULL,
    account                  TEXT        NOT NULL,
    livemode                 BOOLEAN     NOT NULL,
    status                   TEXT        NOT NULL DEFAULT 'unknown',
    amount                   BIGINT      NOT NULL DEFAULT 0 CHECK (amount >= 0),
    currency                 TEXT        NOT NULL DEFAULT '',
    reason                   TEXT,
    failure_reason           TEXT,
    created_at               TIMESTAMPTZ,
    succeeded_at             TIMESTAMPTZ,
    failed_at                TIMESTAMPTZ,
    needs_refetch            BOOLEAN     NOT NULL DEFAULT FALSE,
    first_event_at           TIMESTAMPTZ,
    last_event_at            TIMESTAMPTZ,
    charge                   TEXT,
    payment                  TEXT,
    merge_state              BYTEA       NOT NULL DEFAULT '',
    revision                 BIGINT      NOT NULL DEFAULT 0,
    audit_hash               BYTEA       NOT NULL DEFAULT '',
    PRIMARY KEY (id, account, livemode)
);
-- Every batch reads the refunds of its charges and payments.
CREATE INDEX refunds_by_charge ON refunds (charge, account, livemode) WHERE charge IS NOT NULL;
CREATE INDEX refunds_by_payment ON refunds (payment, account, livemode) WHERE payment IS NOT NULL;
CREATE INDEX refunds_by_time ON refunds ((COALESCE(created_at, first_event_at)));
CREATE INDEX refunds_uncertain ON refunds (id) WHERE needs_refetch;
