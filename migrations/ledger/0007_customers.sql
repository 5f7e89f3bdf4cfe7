CREATE TABLE customers (
    id                       TEXT        NOT NULL,
    account                  TEXT        NOT NULL,
    livemode                 BOOLEAN     NOT NULL,
    deleted                  BOOLEAN     NOT NULL DEFAULT FALSE,
    created_at               TIMESTAMPTZ,
    needs_refetch            BOOLEAN     NOT NULL DEFAULT FALSE,
    first_event_at           TIMESTAMPTZ,
    last_event_at            TIMESTAMPTZ,
    user_id                  TEXT,
    merge_state              BYTEA       NOT NULL DEFAULT '',
    PRIMARY KEY (id, account, livemode)
);
-- Bans: the customers of a user.
CREATE INDEX customers_by_user ON customers (user_id, account, livemode) WHERE user_id IS NOT NULL;
CREATE INDEX customers_by_time ON customers ((COALESCE(created_at, first_event_at)));
CREATE INDEX customers_uncertain ON customers (id) WHERE needs_refetch;

CREATE TABLE subscriptions (
    id                       TEXT        NOT NULL,
    account                  TEXT        NOT NULL,
    livemode                 BOOLEAN     NOT NULL,
    status                   TEXT        NOT NULL DEFAULT 'unknown',
    collection_method        TEXT,
    cancel_at_period_end     BOOLEAN     NOT NULL DEFAULT FALSE,
    current_period_end_at    TIMESTAMPTZ,
    created_at               TIMESTAMPTZ,
    canceled_at              TIMESTAMPTZ,
    ended_at                 TIMESTAMPTZ,
    needs_refetch            BOOLEAN     NOT NULL DEFAULT FALSE,
    first_event_at           TIMESTAMPTZ,
    last_event_at            TIMESTAMPTZ,
    customer                 TEXT,
    latest_invoice           TEXT,
    merge_state              BYTEA       NOT NULL DEFAULT '',
    revision                 BIGINT      NOT NULL DEFAULT 0,
    audit_hash               BYTEA       NOT NULL DEFAULT '',
    PRIMARY KEY (id, account, livemode)
);
CREATE INDEX subscriptions_by_customer ON subscriptions (customer, account, livemode) WHERE customer IS NOT NULL;
CREATE INDEX subscriptions_by_time ON subscriptions ((COALESCE(created_at, first_event_at)));
CREATE INDEX subscriptions_uncertain ON subscriptions (id) WHERE needs_refetch;
