-- Figures about money look at the time of the event. The conditions leave out rows that only others have named.
CREATE INDEX payments_succeeded ON payments (livemode, succeeded_at) WHERE succeeded_at IS NOT NULL;
CREATE INDEX payment_failures_by_time ON payment_failures (livemode, failed_at)
    WHERE failed_at IS NOT NULL AND payment IS NOT NULL;
CREATE INDEX invoices_failing ON invoices (payment_failed_at) WHERE payment_failed_at IS NOT NULL;
CREATE INDEX refunds_by_time ON refunds ((COALESCE(created_at, first_event_at)));
-- Refunds of which Stripe tells only the sum have no row of their own.
ALTER TABLE charges ADD COLUMN refund_reported_at TIMESTAMPTZ;
CREATE INDEX charges_refunded ON charges (refund_reported_at) WHERE refund_reported_at IS NOT NULL;
CREATE INDEX subscriptions_by_time ON subscriptions ((COALESCE(created_at, first_event_at)));

-- When a dispute is first shown as one: an inquiry becomes one weeks after it was opened. What is there already
-- gets the best that its row can tell; `tidegate rebuild` knows better.
ALTER TABLE disputes ADD COLUMN disputed_at TIMESTAMPTZ;
UPDATE disputes SET disputed_at = COALESCE(opened_at, first_event_at)
    WHERE NOT inquiry AND status IN ('opened', 'under_review', 'won', 'lost');
CREATE INDEX disputes_by_dispute ON disputes (disputed_at) WHERE disputed_at IS NOT NULL;

-- What staff resolved: how Stripe had it then, so that a later demand for an answer brings it back into sight.
ALTER TABLE dispute_notes ADD COLUMN reopens BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE dispute_notes ADD COLUMN stripe_status TEXT;
ALTER TABLE dispute_notes ADD COLUMN respond_by TIMESTAMPTZ;

-- Which objects a dead letter is about or names. Of those that are there already, the object and its customer are known.
CREATE TABLE dead_letter_names (
    object_id       TEXT        NOT NULL,
    id              TEXT        NOT NULL,
    account         TEXT        NOT NULL,
    livemode        BOOLEAN     NOT NULL,
    content_hash    TEXT        NOT NULL,
    PRIMARY KEY (object_id, id, account, livemode, content_hash)
);
INSERT INTO dead_letter_names (object_id, id, account, livemode, content_hash)
    SELECT object_id, id, account, livemode, content_hash FROM events WHERE outcome = 'dead' AND object_id IS NOT NULL
    UNION SELECT customer, id, account, livemode, content_hash FROM events WHERE outcome = 'dead' AND customer IS NOT NULL;
