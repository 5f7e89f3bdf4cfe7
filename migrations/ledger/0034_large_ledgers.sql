-- What a page reads of a large ledger stands in an index, whole: neither a row nor a sort for each payment of a span.

-- Figures: payments by currency and failures by code, each in the order of time.
CREATE INDEX payments_earned ON payments (livemode, currency, succeeded_at, amount_received, account)
    WHERE succeeded_at IS NOT NULL;
CREATE INDEX payment_failures_of_code ON payment_failures
    (livemode, (COALESCE(decline_code, code, 'unknown')), failed_at, account, payment)
    WHERE failed_at IS NOT NULL AND payment IS NOT NULL;
-- Also what an invoice reports itself, and which of the two it is.
DROP INDEX payment_failures_by_time;
CREATE INDEX payment_failures_by_time ON payment_failures (livemode, failed_at, payment) WHERE failed_at IS NOT NULL;
-- Hardly any charge has refunds of which only the sum is told.
DROP INDEX charges_refunded;
CREATE INDEX charges_unitemised ON charges (refund_reported_at) WHERE amount_unitemised > 0;

-- Lists. Of invoices the status stands in an index: what changes it changes other columns that do. Of payments it does not:
-- hardly anybody asks for a status that few of them have.
CREATE INDEX invoices_by_status ON invoices (status, (COALESCE(created_at, first_event_at)));
-- A price that many pay, the newest payments of it first.
DROP INDEX payments_by_amount;
CREATE INDEX payments_by_amount ON payments (amount, (COALESCE(created_at, first_event_at)));

-- What is of the test mode is found without reading what is live. A ledger that is live has no entry in any of these.
CREATE INDEX events_in_test ON events (recorded_at) WHERE livemode = FALSE;
CREATE INDEX payments_in_test ON payments ((COALESCE(created_at, first_event_at))) WHERE livemode = FALSE;
CREATE INDEX charges_in_test ON charges ((COALESCE(created_at, first_event_at))) WHERE livemode = FALSE;
CREATE INDEX invoices_in_test ON invoices ((COALESCE(created_at, first_event_at))) WHERE livemode = FALSE;
CREATE INDEX refunds_in_test ON refunds ((COALESCE(created_at, first_event_at))) WHERE livemode = FALSE;
CREATE INDEX disputes_in_test ON disputes ((COALESCE(opened_at, first_event_at))) WHERE livemode = FALSE;
CREATE INDEX customers_in_test ON customers ((COALESCE(created_at, first_event_at))) WHERE livemode = FALSE;
