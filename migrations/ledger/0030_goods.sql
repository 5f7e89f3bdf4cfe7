-- Goods of the merchant's own that payments pay for. What a kind of goods is, its own rules know: they write the record by
-- their acts, and derive the rest from it and from the payments.
CREATE TABLE goods (
    id                 TEXT        NOT NULL,
    account            TEXT        NOT NULL,
    livemode           BOOLEAN     NOT NULL,
    kind               TEXT        NOT NULL,
    user_id            TEXT        NOT NULL,
    label              TEXT        NOT NULL,
    -- JSON.
    record             TEXT        NOT NULL,
    created_at         TIMESTAMPTZ NOT NULL,
    -- From here on derived. A state is shown until `shown_until`, where that is set.
    state              TEXT        NOT NULL,
    sort_at            TIMESTAMPTZ,
    shown_until        TIMESTAMPTZ,
    derived            TEXT        NOT NULL,
    -- When the clock next makes something of it; the state that the audit and notices have told of.
    turns_at           TIMESTAMPTZ,
    told_state         TEXT        NOT NULL,
    revision           BIGINT      NOT NULL,
    audit_hash         BYTEA       NOT NULL,
    PRIMARY KEY (id, account, livemode)
);
CREATE INDEX goods_shown ON goods (kind, livemode, sort_at) WHERE shown_until IS NOT NULL;
CREATE INDEX goods_by_time ON goods (kind, created_at);
CREATE INDEX goods_of_user ON goods (user_id, created_at);
CREATE INDEX goods_turning ON goods (turns_at) WHERE turns_at IS NOT NULL;

-- Goods whose payments changed since their rules last looked, written by the transaction that changed them.
CREATE TABLE goods_changes (
    id                 TEXT        NOT NULL,
    account            TEXT        NOT NULL,
    livemode           BOOLEAN     NOT NULL,
    -- Grows with each change: whoever has looked takes away only what it has seen.
    changes            BIGINT      NOT NULL,
    -- Not before then: something about it is too early to be decided, or went wrong.
    look_at            TIMESTAMPTZ,
    PRIMARY KEY (id, account, livemode)
);

-- What a kind of goods is sold on, such as prices: append-only, for a payment is judged by the terms of its own time.
CREATE TABLE goods_terms (
    kind               TEXT        NOT NULL,
    name               TEXT        NOT NULL,
    currency           TEXT        NOT NULL,
    version            BIGINT      NOT NULL,
    value              BIGINT      NOT NULL,
    reason             TEXT        NOT NULL,
    set_by             TEXT        NOT NULL,
    set_at             TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (kind, name, currency, version)
);

-- Payment intents that customers pay by themselves. The row is there before Stripe is asked; the secret never is.
CREATE TABLE checkouts (
    id                 TEXT        NOT NULL PRIMARY KEY,
    account            TEXT        NOT NULL,
    livemode           BOOLEAN     NOT NULL,
    goods              TEXT        NOT NULL,
    what               TEXT        NOT NULL,
    user_id            TEXT        NOT NULL,
    label              TEXT        NOT NULL,
    amount             BIGINT      NOT NULL CHECK (amount > 0),
    currency           TEXT        NOT NULL,
    state              TEXT        NOT NULL CHECK (state IN ('sending', 'open', 'closed')),
    idempotency_key    TEXT        NOT NULL,
    payment_intent     TEXT,
    requested_by       TEXT        NOT NULL,
    created_at         TIMESTAMPTZ NOT NULL,
    -- When Stripe is asked next whether it was paid.
    look_at            TIMESTAMPTZ,
    looks              BIGINT      NOT NULL,
    closed_at          TIMESTAMPTZ,
    closed_why         TEXT,
    CHECK (state <> 'open' OR payment_intent IS NOT NULL),
    CHECK ((closed_at IS NULL) = (state <> 'closed'))
);
-- One live way to pay for one thing.
CREATE UNIQUE INDEX checkouts_live ON checkouts (goods, account, livemode, what) WHERE state <> 'closed';
CREATE INDEX checkouts_of_goods ON checkouts (goods, account, livemode);
CREATE INDEX checkouts_due ON checkouts (look_at) WHERE look_at IS NOT NULL;

-- The payments of goods.
CREATE INDEX payments_of_goods ON payments (listing_id, account, livemode) WHERE listing_id IS NOT NULL;

-- Which checks there are, the rules know: another one is no change of this table.
CREATE TABLE findings_anew (
    id                 TEXT        NOT NULL PRIMARY KEY,
    account            TEXT        NOT NULL,
    livemode           BOOLEAN     NOT NULL,
    found_by           TEXT        NOT NULL,
    kind               TEXT        NOT NULL,
    severity           TEXT        NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
    subject_kind       TEXT        NOT NULL,
    subject_id         TEXT        NOT NULL,
    scope              TEXT        NOT NULL,
    currency           TEXT        NOT NULL,
    amount             BIGINT,
    stripe_amount      BIGINT,
    ledger_amount      BIGINT,
    summary            TEXT        NOT NULL,
    details            TEXT        NOT NULL,
    state              TEXT        NOT NULL CHECK (state IN ('open', 'acknowledged', 'snoozed', 'resolved')),
    resolution         TEXT        NOT NULL CHECK (resolution IN ('none', 'gone', 'fixed', 'accepted')),
    assignee           TEXT,
    snoozed_until      TIMESTAMPTZ,
    reference          TEXT,
    note               TEXT,
    first_found_at     TIMESTAMPTZ NOT NULL,
    last_found_at      TIMESTAMPTZ NOT NULL,
    reopened           BIGINT      NOT NULL,
    resolved_by        TEXT,
    resolved_at        TIMESTAMPTZ,
    revision           BIGINT      NOT NULL,
    audit_hash         BYTEA       NOT NULL,
    CHECK ((resolution = 'none') = (state <> 'resolved')),
    CHECK ((resolved_at IS NULL) = (state <> 'resolved')),
    CHECK ((snoozed_until IS NULL) = (state <> 'snoozed'))
);
INSERT INTO findings_anew SELECT id, account, livemode, found_by, kind, severity, subject_kind, subject_id, scope, currency,
    amount, stripe_amount, ledger_amount, summary, details, state, resolution, assignee, snoozed_until, reference, note,
    first_found_at, last_found_at, reopened, resolved_by, resolved_at, revision, audit_hash FROM findings;
DROP TABLE findings;
ALTER TABLE findings_anew RENAME TO findings;
CREATE INDEX findings_unresolved ON findings (found_by, scope, state) WHERE state <> 'resolved';
CREATE INDEX findings_by_time ON findings (first_found_at);
CREATE INDEX findings_of_subject ON findings (subject_id);
CREATE INDEX findings_counted ON findings (livemode, severity, kind) WHERE state <> 'resolved';
