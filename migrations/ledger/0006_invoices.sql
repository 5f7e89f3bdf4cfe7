CREATE TABLE invoices (
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
    paid_out_of_band           BOOLEAN     NOT NULL DEFAULT FALSE,
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
    voided_at                  TIMESTAMPTZ,
    attempt_count              BIGINT      NOT NULL DEFAULT 0 CHECK (attempt_count >= 0),
    needs_refetch              BOOLEAN     NOT NULL DEFAULT FALSE,
    first_event_at             TIMESTAMPTZ,
    last_event_at              TIMESTAMPTZ,
    customer                   TEXT,
    subscription               TEXT,
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
    merge_state                BYTEA       NOT NULL DEFAULT '',
    revision                   BIGINT      NOT NULL DEFAULT 0,
    audit_hash                 BYTEA       NOT NULL DEFAULT '',
    PRIMARY KEY (id, account, livemode)
);
-- Lists: of a customer, of a subscription, by number, the newest first.
CREATE INDEX invoices_of_customer ON invoices (customer, created_at) WHERE customer IS NOT NULL;
CREATE INDEX invoices_of_subscription ON invoices (subscription, created_at) WHERE subscription IS NOT NULL;
CREATE INDEX invoices_by_number ON invoices (number) WHERE number IS NOT NULL;
CREATE INDEX invoices_by_time ON invoices ((COALESCE(created_at, first_event_at)));
-- Figures, by the time of the event.
CREATE INDEX invoices_failing ON invoices (payment_failed_at) WHERE payment_failed_at IS NOT NULL;
CREATE INDEX invoices_unknown ON invoices (first_event_at) WHERE created_at IS NULL;
CREATE INDEX invoices_with_anomaly ON invoices (id) WHERE anomaly IS NOT NULL;
CREATE INDEX invoices_uncertain ON invoices (id) WHERE needs_refetch;

-- Which payment pays how much of which invoice, as Stripe's own objects say since 2025-03-31: a payment may pay
-- several, and each bears its share of what goes back.
CREATE TABLE invoice_payments (
    id                         TEXT        NOT NULL,
    account                    TEXT        NOT NULL,
    livemode                   BOOLEAN     NOT NULL,
    status                     TEXT        NOT NULL DEFAULT 'unknown',
    amount_paid                BIGINT      NOT NULL DEFAULT 0 CHECK (amount_paid >= 0),
    amount_requested           BIGINT      NOT NULL DEFAULT 0 CHECK (amount_requested >= 0),
    currency                   TEXT        NOT NULL DEFAULT '',
    created_at                 TIMESTAMPTZ,
    paid_at                    TIMESTAMPTZ,
    needs_refetch              BOOLEAN     NOT NULL DEFAULT FALSE,
    first_event_at             TIMESTAMPTZ,
    last_event_at              TIMESTAMPTZ,
    invoice                    TEXT,
    payment                    TEXT,
    merge_state                BYTEA       NOT NULL DEFAULT '',
    PRIMARY KEY (id, account, livemode)
);
CREATE INDEX invoice_payments_by_invoice ON invoice_payments (invoice, account, livemode) WHERE invoice IS NOT NULL;
CREATE INDEX invoice_payments_by_payment ON invoice_payments (payment, account, livemode) WHERE payment IS NOT NULL;
CREATE INDEX invoice_payments_uncertain ON invoice_payments (id) WHERE needs_refetch;
