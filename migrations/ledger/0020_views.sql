-- What the search box and the filters of lists look for. An amount, the end of a card and a reason are said by the
-- first report and hardly ever change. Failures, disputes and refunds are few beside payments.
CREATE INDEX payments_by_amount ON payments (amount);
CREATE INDEX charges_by_last4 ON charges (card_last4) WHERE card_last4 IS NOT NULL;
CREATE INDEX payment_failures_by_code ON payment_failures (code) WHERE code IS NOT NULL;
CREATE INDEX payment_failures_by_decline ON payment_failures (decline_code) WHERE decline_code IS NOT NULL;
CREATE INDEX disputes_by_reason ON disputes (reason) WHERE reason IS NOT NULL;
CREATE INDEX refunds_by_reason ON refunds (reason) WHERE reason IS NOT NULL;
CREATE INDEX refunds_by_failure ON refunds (failure_reason) WHERE failure_reason IS NOT NULL;

-- The filters of a list that somebody keeps under a name: the address of a page of ours.
CREATE TABLE saved_views (
    id         TEXT        NOT NULL PRIMARY KEY,
    staff      TEXT        NOT NULL,
    name       TEXT        NOT NULL,
    path       TEXT        NOT NULL,
    query      TEXT        NOT NULL,
    saved_at   TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX saved_views_by_name ON saved_views (staff, path, name);
