-- What staff list: the newest of everything, and what somebody should look at. The expressions stand in the
-- statements word for word.
DROP INDEX payments_by_time;
CREATE INDEX payments_by_time ON payments ((COALESCE(created_at, first_event_at)));
CREATE INDEX invoices_by_time ON invoices ((COALESCE(created_at, first_event_at)));
DROP INDEX disputes_by_time;
CREATE INDEX disputes_by_time ON disputes ((COALESCE(opened_at, first_event_at)));
CREATE INDEX invoices_of_subscription ON invoices (subscription, created_at) WHERE subscription IS NOT NULL;

-- Objects of which only Stripe can tell the state: few, and asked for often.
CREATE INDEX payments_uncertain ON payments (id) WHERE needs_refetch;
CREATE INDEX charges_uncertain ON charges (id) WHERE needs_refetch;
CREATE INDEX refunds_uncertain ON refunds (id) WHERE needs_refetch;
CREATE INDEX disputes_uncertain ON disputes (id) WHERE needs_refetch;
CREATE INDEX dispute_movements_uncertain ON dispute_movements (id) WHERE needs_refetch;
CREATE INDEX invoices_uncertain ON invoices (id) WHERE needs_refetch;
CREATE INDEX customers_uncertain ON customers (id) WHERE needs_refetch;
CREATE INDEX subscriptions_uncertain ON subscriptions (id) WHERE needs_refetch;
CREATE INDEX fraud_warnings_uncertain ON fraud_warnings (id) WHERE needs_refetch;
