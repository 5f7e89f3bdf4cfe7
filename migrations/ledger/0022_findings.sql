-- What checks turned up, with one id for as long as it lasts and after: a run finds it anew, still there, gone, or back
-- again; people say what becomes of it.
CREATE TABLE findings (
    id                 TEXT        NOT NULL PRIMARY KEY,
    account            TEXT        NOT NULL,
    livemode           BOOLEAN     NOT NULL,
    found_by           TEXT        NOT NULL CHECK (found_by IN ('reconciliation', 'fraud_desk')),
    kind               TEXT        NOT NULL,
    severity           TEXT        NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
    subject_kind       TEXT        NOT NULL,
    subject_id         TEXT        NOT NULL,
    -- What a run looks at as a whole, such as a day; empty where each finding stands alone.
    scope              TEXT        NOT NULL,
    -- What is at stake, in minor units, and what both sides say.
    currency           TEXT        NOT NULL,
    amount             BIGINT,
    stripe_amount      BIGINT,
    ledger_amount      BIGINT,
    summary            TEXT        NOT NULL,
    -- JSON with sorted names.
    details            TEXT        NOT NULL,
    state              TEXT        NOT NULL CHECK (state IN ('open', 'acknowledged', 'snoozed', 'resolved')),
    resolution         TEXT        NOT NULL CHECK (resolution IN ('none', 'gone', 'fixed', 'accepted')),
    assignee           TEXT,
    snoozed_until      TIMESTAMPTZ,
    -- What fixed it: a ticket, a refund, a change.
    reference          TEXT,
    note               TEXT,
    first_found_at     TIMESTAMPTZ NOT NULL,
    last_found_at      TIMESTAMPTZ NOT NULL,
    reopened           BIGINT      NOT NULL,
    resolved_by        TEXT,
    resolved_at        TIMESTAMPTZ,
    revision           BIGINT      NOT NULL,
    audit_hash         BYTEA       NOT NULL,
    CHECK ((resolution = 'none') = (state <> 'resolved')),
    CHECK ((resolved_at IS NULL) = (state <> 'resolved')),
    CHECK ((snoozed_until IS NULL) = (state <> 'snoozed'))
);
CREATE INDEX findings_unresolved ON findings (found_by, scope, state) WHERE state <> 'resolved';
CREATE INDEX findings_by_time ON findings (first_found_at);
CREATE INDEX findings_of_subject ON findings (subject_id);

-- What happened to a finding, and what was known then: append-only.
CREATE TABLE finding_history (
    finding            TEXT        NOT NULL,
    number             BIGINT      NOT NULL,
    step               TEXT        NOT NULL CHECK (step IN ('found', 'reopened', 'gone', 'noted', 'assigned', 'acknowledged',
        'snoozed', 'fixed', 'accepted')),
    done_by            TEXT        NOT NULL,
    note               TEXT,
    -- The figures at that moment.
    evidence           TEXT        NOT NULL,
    at                 TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (finding, number)
);

-- Their place was a table of reconciliation's own; the next run of a day finds them again.
DROP TABLE reconciliation_findings;

-- What of a day's differences staff accepted, and whether everything in it has settled.
ALTER TABLE reconciliations ADD COLUMN accepted BIGINT NOT NULL DEFAULT 0;
ALTER TABLE reconciliations ADD COLUMN is_final BOOLEAN NOT NULL DEFAULT FALSE;

-- The payouts of a day beside their transactions. One made by hand cannot be itemised, and says so.
CREATE TABLE reconciliation_payouts (
    day                TEXT        NOT NULL,
    account            TEXT        NOT NULL,
    livemode           BOOLEAN     NOT NULL,
    payout             TEXT        NOT NULL,
    currency           TEXT        NOT NULL,
    amount             BIGINT      NOT NULL,
    items              BIGINT      NOT NULL,
    items_net          BIGINT      NOT NULL,
    outcome            TEXT        NOT NULL CHECK (outcome IN ('not_ready', 'manual', 'differs', 'agrees')),
    PRIMARY KEY (day, account, livemode, payout)
);

-- Opening + movements = closing, for each currency of a day.
CREATE TABLE reconciliation_balances (
    day                TEXT        NOT NULL,
    account            TEXT        NOT NULL,
    livemode           BOOLEAN     NOT NULL,
    currency           TEXT        NOT NULL,
    opening            BIGINT      NOT NULL,
    movements          BIGINT      NOT NULL,
    closing            BIGINT      NOT NULL,
    -- From what Stripe said its balance was; else from the day before.
    is_stated          BOOLEAN     NOT NULL,
    CHECK (opening + movements = closing),
    PRIMARY KEY (day, account, livemode, currency)
);

-- What a day is about, by its own time.
CREATE INDEX invoices_by_paid_at ON invoices (paid_at) WHERE paid_at IS NOT NULL;
CREATE INDEX refunds_by_failed_at ON refunds (failed_at) WHERE failed_at IS NOT NULL;
CREATE INDEX dispute_movements_by_time ON dispute_movements (created_at);
