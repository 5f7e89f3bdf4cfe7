-- What paid, as Stripe named it right before the first sending. The same is sent again under the same key.
ALTER TABLE operations ADD COLUMN payment_method TEXT;

-- Planned retries of invoices, in the order in which they are due.
CREATE INDEX invoices_by_retry ON invoices (next_payment_retry_at) WHERE next_payment_retry_at IS NOT NULL;

-- When staff stopped charging, why, and who let it go on. At most one closing lasts.
CREATE TABLE checkout_closings (
    number          BIGINT      NOT NULL PRIMARY KEY,
    reason          TEXT        NOT NULL,
    closed_by       TEXT        NOT NULL,
    closed_at       TIMESTAMPTZ NOT NULL,
    opened_by       TEXT,
    opened_at       TIMESTAMPTZ,
    CHECK ((opened_by IS NULL) = (opened_at IS NULL))
);
CREATE UNIQUE INDEX checkout_closings_lasting ON checkout_closings ((opened_at IS NULL)) WHERE opened_at IS NULL;
