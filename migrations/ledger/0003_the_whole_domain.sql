-- Charges, refunds, disputes, users: whatever hangs together with payments and invoices. In every table a
-- placeholder, which another object named before its first report, has the defaults.

ALTER TABLE payments ADD COLUMN first_event_at TIMESTAMPTZ;
ALTER TABLE payments ADD COLUMN refunded TEXT NOT NULL DEFAULT 'none' CHECK (refunded IN ('none', 'partial', 'full'));
ALTER TABLE payments ADD COLUMN amount_refunded BIGINT NOT NULL DEFAULT 0 CHECK (amount_refunded >= 0);
ALTER TABLE payments ADD COLUMN disputed TEXT NOT NULL DEFAULT 'none'
    CHECK (disputed IN ('none', 'closed', 'won', 'lost', 'open'));
ALTER TABLE payments ADD COLUMN dispute_count BIGINT NOT NULL DEFAULT 0 CHECK (dispute_count >= 0);
ALTER TABLE payments ADD COLUMN amount_charged_back BIGINT NOT NULL DEFAULT 0 CHECK (amount_charged_back >= 0);
ALTER TABLE payments ADD COLUMN failed_attempts BIGINT NOT NULL DEFAULT 0 CHECK (failed_attempts >= 0);
ALTER TABLE payments ADD COLUMN last_failed_at TIMESTAMPTZ;
ALTER TABLE payments ADD COLUMN last_failure_code TEXT;
ALTER TABLE payments ADD COLUMN last_decline_code TEXT;
ALTER TABLE payments ADD COLUMN anomaly TEXT;
CREATE INDEX payments_disputed_of_user ON payments (user_id, account, livemode)
    WHERE dispute_count > 0 AND user_id IS NOT NULL;
CREATE INDEX payments_disputed_of_customer ON payments (customer, account, livemode)
    WHERE dispute_count > 0 AND customer IS NOT NULL;
CREATE INDEX payments_of_customer ON payments (customer, created_at) WHERE customer IS NOT NULL;
CREATE INDEX payments_by_time ON payments (created_at);
CREATE INDEX payments_unknown ON payments (first_event_at) WHERE status = 'unknown';
CREATE INDEX payments_with_anomaly ON payments (id) WHERE anomaly IS NOT NULL;

CREATE TABLE charges (
    id                       TEXT        NOT NULL,
    account                  TEXT        NOT NULL,
    livemode                 BOOLEAN     NOT NULL,
    status                   TEXT        NOT NULL DEFAULT 'unknown',
    amount                   BIGINT      NOT NULL DEFAULT 0 CHECK (amount >= 0),
    amount_captured          BIGINT      NOT NULL DEFAULT 0 CHECK (amount_captured >= 0),
    amount_refunded_reported BIGINT      NOT NULL DEFAULT 0 CHECK (amount_refunded_reported >= 0),
    currency                 TEXT        NOT NULL DEFAULT '',
    created_at               TIMESTAMPTZ,
    failure_code             TEXT,
    captured_at              TIMESTAMPTZ,
    freshness                TEXT        NOT NULL DEFAULT '',
    needs_refetch            BOOLEAN     NOT NULL DEFAULT FALSE,
    first_event_at           TIMESTAMPTZ,
    last_event_at            TIMESTAMPTZ,
    payment                  TEXT,
    payment_freshness        TEXT        NOT NULL DEFAULT '',
    customer                 TEXT,
    customer_freshness       TEXT        NOT NULL DEFAULT '',
    card_brand               TEXT,
    card_last4               TEXT,
    card_exp_month           BIGINT,
    card_exp_year            BIGINT,
    card_freshness           TEXT        NOT NULL DEFAULT '',
    amount_refunded          BIGINT      NOT NULL DEFAULT 0 CHECK (amount_refunded >= 0),
    amount_unitemised        BIGINT      NOT NULL DEFAULT 0 CHECK (amount_unitemised >= 0),
    disputed                 TEXT        NOT NULL DEFAULT 'none'
        CHECK (disputed IN ('none', 'closed', 'won', 'lost', 'open')),
    dispute_count            BIGINT      NOT NULL DEFAULT 0 CHECK (dispute_count >= 0),
    amount_charged_back      BIGINT      NOT NULL DEFAULT 0 CHECK (amount_charged_back >= 0),
    anomaly                  TEXT,
    PRIMARY KEY (id, account, livemode)
);
CREATE INDEX charges_by_payment ON charges (payment, account, livemode) WHERE payment IS NOT NULL;
CREATE INDEX charges_unknown ON charges (first_event_at) WHERE status = 'unknown';
CREATE INDEX charges_with_anomaly ON charges (id) WHERE anomaly IS NOT NULL;

CREATE TABLE payment_failures (
    id                       TEXT        NOT NULL,
    account                  TEXT        NOT NULL,
    livemode                 BOOLEAN     NOT NULL,
    failed_at                TIMESTAMPTZ,
    payment                  TEXT,
    payment_freshness        TEXT        NOT NULL DEFAULT '',
    charge                   TEXT,
    code                     TEXT,
    code_freshness           TEXT        NOT NULL DEFAULT '',
    decline_code             TEXT,
    decline_code_freshness   TEXT        NOT NULL DEFAULT '',
    PRIMARY KEY (id, account, livemode)
);
CREATE INDEX payment_failures_by_payment ON payment_failures (payment, account, livemode) WHERE payment IS NOT NULL;

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
    freshness                TEXT        NOT NULL DEFAULT '',
    needs_refetch            BOOLEAN     NOT NULL DEFAULT FALSE,
    first_event_at           TIMESTAMPTZ,
    last_event_at            TIMESTAMPTZ,
    charge                   TEXT,
    charge_freshness         TEXT        NOT NULL DEFAULT '',
    payment                  TEXT,
    payment_freshness        TEXT        NOT NULL DEFAULT '',
    revision                 BIGINT      NOT NULL DEFAULT 0,
    PRIMARY KEY (id, account, livemode)
);
CREATE INDEX refunds_by_charge ON refunds (charge, account, livemode) WHERE charge IS NOT NULL;
CREATE INDEX refunds_by_payment ON refunds (payment, account, livemode) WHERE payment IS NOT NULL;

CREATE TABLE disputes (
    id                       TEXT        NOT NULL,
    account                  TEXT        NOT NULL,
    livemode                 BOOLEAN     NOT NULL,
    status                   TEXT        NOT NULL DEFAULT 'unknown'
        CHECK (status IN ('unknown', 'opened', 'under_review', 'won', 'lost', 'closed')),
    inquiry                  BOOLEAN     NOT NULL DEFAULT FALSE,
    stripe_status            TEXT        NOT NULL DEFAULT 'unknown',
    amount                   BIGINT      NOT NULL DEFAULT 0 CHECK (amount >= 0),
    currency                 TEXT        NOT NULL DEFAULT '',
    reason                   TEXT,
    opened_at                TIMESTAMPTZ,
    respond_by               TIMESTAMPTZ,
    evidence_submissions     BIGINT      NOT NULL DEFAULT 0 CHECK (evidence_submissions >= 0),
    closed_at                TIMESTAMPTZ,
    evidence_submitted_at    TIMESTAMPTZ,
    freshness                TEXT        NOT NULL DEFAULT '',
    needs_refetch            BOOLEAN     NOT NULL DEFAULT FALSE,
    first_event_at           TIMESTAMPTZ,
    last_event_at            TIMESTAMPTZ,
    charge                   TEXT,
    charge_freshness         TEXT        NOT NULL DEFAULT '',
    amount_withdrawn         BIGINT      NOT NULL DEFAULT 0 CHECK (amount_withdrawn >= 0),
    amount_reinstated        BIGINT      NOT NULL DEFAULT 0 CHECK (amount_reinstated >= 0),
    fees                     BIGINT      NOT NULL DEFAULT 0,
    revision                 BIGINT      NOT NULL DEFAULT 0,
    PRIMARY KEY (id, account, livemode)
);
CREATE INDEX disputes_by_charge ON disputes (charge, account, livemode) WHERE charge IS NOT NULL;
CREATE INDEX disputes_open ON disputes (respond_by) WHERE status IN ('opened', 'under_review');
CREATE INDEX disputes_by_time ON disputes (opened_at);

CREATE TABLE dispute_movements (
    id                       TEXT        NOT NULL,
    account                  TEXT        NOT NULL,
    livemode                 BOOLEAN     NOT NULL,
    amount                   BIGINT      NOT NULL DEFAULT 0,
    fee                      BIGINT      NOT NULL DEFAULT 0,
    net                      BIGINT      NOT NULL DEFAULT 0,
    currency                 TEXT        NOT NULL DEFAULT '',
    created_at               TIMESTAMPTZ,
    freshness                TEXT        NOT NULL DEFAULT '',
    needs_refetch            BOOLEAN     NOT NULL DEFAULT FALSE,
    first_event_at           TIMESTAMPTZ,
    last_event_at            TIMESTAMPTZ,
    dispute                  TEXT,
    dispute_freshness        TEXT        NOT NULL DEFAULT '',
    PRIMARY KEY (id, account, livemode)
);
CREATE INDEX dispute_movements_by_dispute ON dispute_movements (dispute, account, livemode) WHERE dispute IS NOT NULL;

CREATE TABLE fraud_warnings (
    id                       TEXT        NOT NULL,
    account                  TEXT        NOT NULL,
    livemode                 BOOLEAN     NOT NULL,
    fraud_type               TEXT,
    actionable               BOOLEAN     NOT NULL DEFAULT FALSE,
    created_at               TIMESTAMPTZ,
    freshness                TEXT        NOT NULL DEFAULT '',
    needs_refetch            BOOLEAN     NOT NULL DEFAULT FALSE,
    first_event_at           TIMESTAMPTZ,
    last_event_at            TIMESTAMPTZ,
    charge                   TEXT,
    charge_freshness         TEXT        NOT NULL DEFAULT '',
    PRIMARY KEY (id, account, livemode)
);
CREATE INDEX fraud_warnings_by_charge ON fraud_warnings (charge, account, livemode) WHERE charge IS NOT NULL;

CREATE TABLE customers (
    id                       TEXT        NOT NULL,
    account                  TEXT        NOT NULL,
    livemode                 BOOLEAN     NOT NULL,
    deleted                  BOOLEAN     NOT NULL DEFAULT FALSE,
    created_at               TIMESTAMPTZ,
    freshness                TEXT        NOT NULL DEFAULT '',
    needs_refetch            BOOLEAN     NOT NULL DEFAULT FALSE,
    first_event_at           TIMESTAMPTZ,
    last_event_at            TIMESTAMPTZ,
    user_id                  TEXT,
    user_id_freshness        TEXT        NOT NULL DEFAULT '',
    PRIMARY KEY (id, account, livemode)
);
CREATE INDEX customers_by_user ON customers (user_id, account, livemode) WHERE user_id IS NOT NULL;

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
    freshness                TEXT        NOT NULL DEFAULT '',
    needs_refetch            BOOLEAN     NOT NULL DEFAULT FALSE,
    first_event_at           TIMESTAMPTZ,
    last_event_at            TIMESTAMPTZ,
    customer                 TEXT,
    customer_freshness       TEXT        NOT NULL DEFAULT '',
    latest_invoice           TEXT,
    latest_invoice_freshness TEXT        NOT NULL DEFAULT '',
    revision                 BIGINT      NOT NULL DEFAULT 0,
    PRIMARY KEY (id, account, livemode)
);
CREATE INDEX subscriptions_by_customer ON subscriptions (customer, account, livemode) WHERE customer IS NOT NULL;

-- A row for each user whom a dispute concerned, or staff. For other programs: a user is banned when
-- `override_act = 'ban'` with `override_until` absent or to come; or when `status = 'banned'` and there is no
-- such override to lift it. A user without a row is not banned.
CREATE TABLE bans (
    id                       TEXT        NOT NULL,
    account                  TEXT        NOT NULL,
    livemode                 BOOLEAN     NOT NULL,
    status                   TEXT        NOT NULL DEFAULT 'clear' CHECK (status IN ('clear', 'banned')),
    chargebacks              BIGINT      NOT NULL DEFAULT 0 CHECK (chargebacks >= 0),
    since                    TIMESTAMPTZ,
    override_act             TEXT        NOT NULL DEFAULT 'none' CHECK (override_act IN ('none', 'ban', 'lift')),
    override_until           TIMESTAMPTZ,
    override_reason          TEXT,
    override_by              TEXT,
    override_at              TIMESTAMPTZ,
    revision                 BIGINT      NOT NULL DEFAULT 0,
    PRIMARY KEY (id, account, livemode)
);
CREATE INDEX bans_in_force ON bans (id) WHERE status = 'banned' OR override_act <> 'none';

-- What staff decided about users, and noted on disputes: append-only, for no event can bring it back.
CREATE TABLE ban_overrides (
    id                       TEXT        NOT NULL,
    account                  TEXT        NOT NULL,
    livemode                 BOOLEAN     NOT NULL,
    number                   BIGINT      NOT NULL,
    act                      TEXT        NOT NULL CHECK (act IN ('none', 'ban', 'lift')),
    until                    TIMESTAMPTZ,
    reason                   TEXT        NOT NULL,
    decided_by               TEXT        NOT NULL,
    decided_at               TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (id, account, livemode, number)
);

CREATE TABLE dispute_notes (
    id                       TEXT        NOT NULL,
    account                  TEXT        NOT NULL,
    livemode                 BOOLEAN     NOT NULL,
    number                   BIGINT      NOT NULL,
    resolves                 BOOLEAN     NOT NULL,
    note                     TEXT        NOT NULL,
    written_by               TEXT        NOT NULL,
    written_at               TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (id, account, livemode, number)
);

-- Objects part of whose events' bytes are no longer kept: what the rest comes to may be less than the ledger has.
CREATE TABLE retired_subjects (
    subject_kind             TEXT        NOT NULL,
    id                       TEXT        NOT NULL,
    account                  TEXT        NOT NULL,
    livemode                 BOOLEAN     NOT NULL,
    PRIMARY KEY (id, account, livemode, subject_kind)
);

-- How far chores that work through the past have come.
CREATE TABLE chores (
    name                     TEXT        NOT NULL PRIMARY KEY,
    done_until               TIMESTAMPTZ NOT NULL
);

-- Invoices get more statuses, which SQLite can only do by moving them to a new table.
CREATE TABLE invoices_of_the_whole_domain (
    id                         TEXT        NOT NULL,
    account                    TEXT        NOT NULL,
    livemode                   BOOLEAN     NOT NULL,
    status                     TEXT        NOT NULL DEFAULT 'unknown' CHECK (status IN
        ('unknown', 'draft', 'sent', 'failed', 'overdue', 'uncollectible', 'paid', 'partially_refunded',
         'partially_charged_back', 'refunded', 'disputed', 'charged_back', 'void', 'deleted')),
    is_stripes                 BOOLEAN     NOT NULL DEFAULT FALSE,
    stripe_status              TEXT,
    number                     TEXT,
    amount_due                 BIGINT      NOT NULL DEFAULT 0 CHECK (amount_due >= 0),
    amount_remaining           BIGINT      NOT NULL DEFAULT 0 CHECK (amount_remaining >= 0),
    stripe_amount_paid         BIGINT      NOT NULL DEFAULT 0 CHECK (stripe_amount_paid >= 0),
    currency                   TEXT        NOT NULL DEFAULT '',
    collection_method          TEXT,
    billing_reason             TEXT,
    due_at                     TIMESTAMPTZ,
    next_payment_attempt_at    TIMESTAMPTZ,
    created_at                 TIMESTAMPTZ,
    finalized_at               TIMESTAMPTZ,
    sent_at                    TIMESTAMPTZ,
    overdue_at                 TIMESTAMPTZ,
    paid_at                    TIMESTAMPTZ,
    failure_reported_at        TIMESTAMPTZ,
    attempt_count              BIGINT      NOT NULL DEFAULT 0 CHECK (attempt_count >= 0),
    freshness                  TEXT        NOT NULL DEFAULT '',
    needs_refetch              BOOLEAN     NOT NULL DEFAULT FALSE,
    first_event_at             TIMESTAMPTZ,
    last_event_at              TIMESTAMPTZ,
    customer                   TEXT,
    customer_freshness         TEXT        NOT NULL DEFAULT '',
    subscription               TEXT,
    subscription_freshness     TEXT        NOT NULL DEFAULT '',
    amount_paid                BIGINT      NOT NULL DEFAULT 0 CHECK (amount_paid >= 0),
    amount_refunded            BIGINT      NOT NULL DEFAULT 0 CHECK (amount_refunded >= 0),
    amount_charged_back        BIGINT      NOT NULL DEFAULT 0 CHECK (amount_charged_back >= 0),
    payment_failed_at          TIMESTAMPTZ,
    payment_failure_code       TEXT,
    payment_failure_reason     TEXT,
    payment_retry_count        BIGINT      NOT NULL DEFAULT 0 CHECK (payment_retry_count >= 0),
    last_payment_retry_at      TIMESTAMPTZ,
    next_payment_retry_at      TIMESTAMPTZ,
    anomaly                    TEXT,
    revision                   BIGINT      NOT NULL DEFAULT 0,
    PRIMARY KEY (id, account, livemode)
);
INSERT INTO invoices_of_the_whole_domain (id, account, livemode, status, is_stripes, stripe_status, number, amount_due,
    amount_remaining, stripe_amount_paid, currency, collection_method, billing_reason, due_at, next_payment_attempt_at,
    created_at, finalized_at, sent_at, overdue_at, paid_at, failure_reported_at, attempt_count, freshness,
    needs_refetch, last_event_at, customer, customer_freshness, subscription, subscription_freshness, amount_paid,
    payment_failed_at, revision)
SELECT id, account, livemode, status, stripe_status IS NOT NULL, stripe_status, number, amount_due, amount_remaining,
    stripe_amount_paid, currency, collection_method, billing_reason, due_at, next_payment_attempt_at, created_at,
    finalized_at, sent_at, overdue_at, paid_at, payment_failed_at, attempt_count, freshness, needs_refetch,
    last_event_at, customer, customer_freshness, subscription, subscription_freshness, amount_paid, payment_failed_at,
    revision
FROM invoices;
DROP TABLE invoices;
ALTER TABLE invoices_of_the_whole_domain RENAME TO invoices;
CREATE INDEX invoices_by_status ON invoices (status, next_payment_retry_at) WHERE status IN ('failed', 'overdue');
CREATE INDEX invoices_unknown ON invoices (first_event_at) WHERE status = 'unknown';
CREATE INDEX invoices_with_anomaly ON invoices (id) WHERE anomaly IS NOT NULL;
CREATE INDEX invoices_of_customer ON invoices (customer, created_at) WHERE customer IS NOT NULL;
