-- What moved Stripe's balance, as Stripe lists it: one row a transaction, read and never derived.
CREATE TABLE balance_transactions (
    id                 TEXT        NOT NULL,
    account            TEXT        NOT NULL,
    livemode           BOOLEAN     NOT NULL,
    type               TEXT        NOT NULL,
    reporting_category TEXT        NOT NULL,
    -- In the settlement currency; net = amount - fee.
    amount             BIGINT      NOT NULL,
    fee                BIGINT      NOT NULL,
    net                BIGINT      NOT NULL,
    currency           TEXT        NOT NULL,
    exchange_rate      TEXT,
    source             TEXT,
    payout             TEXT,
    status             TEXT        NOT NULL,
    balance_type       TEXT,
    created_at         TIMESTAMPTZ NOT NULL,
    available_at       TIMESTAMPTZ,
    read_at            TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (id, account, livemode)
);
CREATE INDEX balance_transactions_by_time ON balance_transactions (created_at);
CREATE INDEX balance_transactions_by_source ON balance_transactions (source, account, livemode)
    WHERE source IS NOT NULL;
CREATE INDEX balance_transactions_by_payout ON balance_transactions (payout, account, livemode)
    WHERE payout IS NOT NULL;

-- One row for each day, account and mode that was compared; comparing it again replaces the row.
CREATE TABLE reconciliations (
    day                TEXT        NOT NULL,
    account            TEXT        NOT NULL,
    livemode           BOOLEAN     NOT NULL,
    verdict            TEXT        NOT NULL CHECK (verdict IN ('reconciled', 'differences', 'incomplete')),
    transactions       BIGINT      NOT NULL,
    differences        BIGINT      NOT NULL,
    awaited            BIGINT      NOT NULL,
    -- Why it is incomplete.
    reason             TEXT,
    compared_at        TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (day, account, livemode)
);

-- The sums of one day, for each currency and category.
CREATE TABLE reconciliation_lines (
    day                TEXT        NOT NULL,
    account            TEXT        NOT NULL,
    livemode           BOOLEAN     NOT NULL,
    currency           TEXT        NOT NULL,
    category           TEXT        NOT NULL,
    transactions       BIGINT      NOT NULL,
    stripe_amount      BIGINT      NOT NULL,
    ledger_amount      BIGINT      NOT NULL,
    fee                BIGINT      NOT NULL,
    net                BIGINT      NOT NULL,
    differing          BIGINT      NOT NULL,
    PRIMARY KEY (day, account, livemode, currency, category)
);

-- What differs, with one id for as long as it does: a run finds it anew, still there, gone, or back again.
CREATE TABLE reconciliation_findings (
    id                 TEXT        NOT NULL,
    account            TEXT        NOT NULL,
    livemode           BOOLEAN     NOT NULL,
    day                TEXT        NOT NULL,
    kind               TEXT        NOT NULL,
    subject            TEXT        NOT NULL,
    currency           TEXT        NOT NULL,
    stripe_amount      BIGINT,
    ledger_amount      BIGINT,
    state              TEXT        NOT NULL CHECK (state IN ('open', 'acknowledged', 'resolved')),
    first_found_at     TIMESTAMPTZ NOT NULL,
    last_found_at      TIMESTAMPTZ NOT NULL,
    resolved_at        TIMESTAMPTZ,
    note               TEXT,
    noted_by           TEXT,
    noted_at           TIMESTAMPTZ,
    PRIMARY KEY (id, account, livemode)
);
CREATE INDEX reconciliation_findings_unresolved ON reconciliation_findings (day) WHERE state <> 'resolved';
