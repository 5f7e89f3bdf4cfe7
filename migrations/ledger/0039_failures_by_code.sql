-- Figures of failures by code are read from the index alone: Postgres reads the row for an expression unless the columns
-- that it is made of stand in the index, too.
DROP INDEX payment_failures_of_code;
CREATE INDEX payment_failures_of_code ON payment_failures
    (livemode, (COALESCE(decline_code, code, 'unknown')), failed_at, account, payment, decline_code, code)
    WHERE failed_at IS NOT NULL AND payment IS NOT NULL;
