-- What batches changed and the fraud desk has not looked at yet: a row a batch, gone once somebody has looked.
CREATE TABLE fraud_due (
    id              TEXT        NOT NULL PRIMARY KEY,
    -- JSON: kind, mode, account and id of each object.
    objects         TEXT        NOT NULL,
    noted_at        TIMESTAMPTZ NOT NULL
);

-- Of one user, card or customer, what was tried around a moment, however much they tried before.
DROP INDEX payments_of_user;
CREATE INDEX payments_of_user ON payments (user_id, (COALESCE(created_at, first_event_at))) WHERE user_id IS NOT NULL;
DROP INDEX payments_of_customer;
CREATE INDEX payments_of_customer ON payments (customer, (COALESCE(created_at, first_event_at))) WHERE customer IS NOT NULL;
DROP INDEX charges_by_last4;
CREATE INDEX charges_by_last4 ON charges (card_last4, (COALESCE(created_at, first_event_at))) WHERE card_last4 IS NOT NULL;
CREATE INDEX charges_alone_of_customer ON charges (customer, (COALESCE(created_at, first_event_at)))
    WHERE payment IS NULL AND customer IS NOT NULL;
-- Warnings are read by their charge.
DROP INDEX fraud_warnings_by_time;
-- An overview of what nobody has resolved.
CREATE INDEX findings_counted ON findings (livemode, severity, kind) WHERE state <> 'resolved';
