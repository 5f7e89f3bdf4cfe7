-- Which payment pays how much of which invoice, as Stripe's own objects say since 2025-03-31: a payment may pay
-- several, and each bears its share of what goes back.
CREATE TABLE invoice_payments (
    id                       TEXT        NOT NULL,
    account                  TEXT        NOT NULL,
    livemode                 BOOLEAN     NOT NULL,
    status                   TEXT        NOT NULL DEFAULT 'unknown',
    amount_paid              BIGINT      NOT NULL DEFAULT 0 CHECK (amount_paid >= 0),
    amount_requested         BIGINT      NOT NULL DEFAULT 0 CHECK (amount_requested >= 0),
    currency                 TEXT        NOT NULL DEFAULT '',
    created_at               TIMESTAMPTZ,
    paid_at                  TIMESTAMPTZ,
    freshness                TEXT        NOT NULL DEFAULT '',
    needs_refetch            BOOLEAN     NOT NULL DEFAULT FALSE,
    first_event_at           TIMESTAMPTZ,
    last_event_at            TIMESTAMPTZ,
    invoice                  TEXT,
    invoice_freshness        TEXT        NOT NULL DEFAULT '',
    payment                  TEXT,
    payment_freshness        TEXT        NOT NULL DEFAULT '',
    PRIMARY KEY (id, account, livemode)
);
CREATE INDEX invoice_payments_by_invoice ON invoice_payments (invoice, account, livemode) WHERE invoice IS NOT NULL;
CREATE INDEX invoice_payments_by_payment ON invoice_payments (payment, account, livemode) WHERE payment IS NOT NULL;
CREATE INDEX invoice_payments_uncertain ON invoice_payments (id) WHERE needs_refetch;

-- The order that Stripe says a payment is for. It is an invoice where Stripe has reported one of that id.
ALTER TABLE payments ADD COLUMN invoice_reference TEXT;
ALTER TABLE payments ADD COLUMN invoice_reference_freshness TEXT NOT NULL DEFAULT '';
CREATE INDEX payments_by_reference ON payments (invoice_reference, account, livemode)
    WHERE invoice_reference IS NOT NULL;

-- A failure that an invoice reports itself is a row too, and names the invoice instead of a payment. That takes
-- the place of `invoices.failure_reported_at`, which stays only for workers of the version before.
ALTER TABLE payment_failures ADD COLUMN invoice TEXT;
ALTER TABLE payment_failures ADD COLUMN outcome_reason TEXT;
ALTER TABLE payment_failures ADD COLUMN outcome_reason_freshness TEXT NOT NULL DEFAULT '';
CREATE INDEX payment_failures_by_invoice ON payment_failures (invoice, account, livemode) WHERE invoice IS NOT NULL;

ALTER TABLE invoices ADD COLUMN voided_at TIMESTAMPTZ;
ALTER TABLE invoices ADD COLUMN paid_out_of_band BOOLEAN NOT NULL DEFAULT FALSE;
