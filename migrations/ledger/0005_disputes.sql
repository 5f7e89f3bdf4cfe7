CREATE TABLE disputes (
    id                       TEXT        NOT NULL,
    account                  TEXT        NOT NULL,
    livemode                 BOOLEAN     NOT NULL,
    status                   TEXT        NOT NULL DEFAULT 'unknown'
        CHECK (status IN ('unknown', 'opened', 'under_review', 'won', 'lost', 'closed')),
    inquiry                  BOOLEAN     NOT NULL DEFAULT FALSE,
    stripe_status            TEXT        NOT NULL DEFAULT 'unknown',
    amount                   BIGINT      NOT NULL DEFAULT 0 CHECK (amount >= 0),
    currency                 TEXT        NOT NULL DEFAULT '',
    reason                   TEXT,
    opened_at                TIMESTAMPTZ,
    -- When it was first shown as a dispute: an inquiry becomes one weeks after it was opened.
    disputed_at              TIMESTAMPTZ,
    respond_by               TIMESTAMPTZ,
    evidence_submissions     BIGINT      NOT NULL DEFAULT 0 CHECK (evidence_submissions >= 0),
    evidence_submitted_at    TIMESTAMPTZ,
    closed_at                TIMESTAMPTZ,
    won_at                   TIMESTAMPTZ,
    lost_at                  TIMESTAMPTZ,
    prevented_at             TIMESTAMPTZ,
    inquiry_closed_at        TIMESTAMPTZ,
    needs_refetch            BOOLEAN     NOT NULL DEFAULT FALSE,
    first_event_at           TIMESTAMPTZ,
    last_event_at            TIMESTAMPTZ,
    charge                   TEXT,
    amount_withdrawn         BIGINT      NOT NULL DEFAULT 0 CHECK (amount_withdrawn >= 0),
    amount_reinstated        BIGINT      NOT NULL DEFAULT 0 CHECK (amount_reinstated >= 0),
    movement_currency        TEXT,
    fees                     BIGINT      NOT NULL DEFAULT 0,
    merge_state              BYTEA       NOT NULL DEFAULT '',
    revision                 BIGINT      NOT NULL DEFAULT 0,
    audit_hash               BYTEA       NOT NULL DEFAULT '',
    PRIMARY KEY (id, account, livemode)
);
-- Every batch reads the disputes of its charges.
CREATE INDEX disputes_by_charge ON disputes (charge, account, livemode) WHERE charge IS NOT NULL;
-- The dispute desk works by the deadline; a dispute's status changes a few times in months.
CREATE INDEX disputes_open ON disputes (respond_by) WHERE status IN ('opened', 'under_review');
CREATE INDEX disputes_by_time ON disputes ((COALESCE(opened_at, first_event_at)));
CREATE INDEX disputes_by_dispute ON disputes (disputed_at) WHERE disputed_at IS NOT NULL;
CREATE INDEX disputes_decided ON disputes (closed_at) WHERE closed_at IS NOT NULL;
CREATE INDEX disputes_uncertain ON disputes (id) WHERE needs_refetch;

-- What Stripe took for a dispute, or gave back.
CREATE TABLE dispute_movements (
    id                       TEXT        NOT NULL,
    account                  TEXT        NOT NULL,
    livemode                 BOOLEAN     NOT NULL,
    amount                   BIGINT      NOT NULL DEFAULT 0,
    fee                      BIGINT      NOT NULL DEFAULT 0,
    net                      BIGINT      NOT NULL DEFAULT 0,
    currency                 TEXT        NOT NULL DEFAULT '',
    created_at               TIMESTAMPTZ,
    needs_refetch            BOOLEAN     NOT NULL DEFAULT FALSE,
    first_event_at           TIMESTAMPTZ,
    last_event_at            TIMESTAMPTZ,
    dispute                  TEXT,
    merge_state              BYTEA       NOT NULL DEFAULT '',
    PRIMARY KEY (id, account, livemode)
);
CREATE INDEX dispute_movements_by_dispute ON dispute_movements (dispute, account, livemode) WHERE dispute IS NOT NULL;
CREATE INDEX dispute_movements_uncertain ON dispute_movements (id) WHERE needs_refetch;

CREATE TABLE fraud_warnings (
    id                       TEXT        NOT NULL,
    account                  TEXT        NOT NULL,
    livemode                 BOOLEAN     NOT NULL,
    fraud_type               TEXT,
    actionable               BOOLEAN     NOT NULL DEFAULT FALSE,
    created_at               TIMESTAMPTZ,
    needs_refetch            BOOLEAN     NOT NULL DEFAULT FALSE,
    first_event_at           TIMESTAMPTZ,
    last_event_at            TIMESTAMPTZ,
    charge                   TEXT,
    merge_state              BYTEA       NOT NULL DEFAULT '',
    PRIMARY KEY (id, account, livemode)
);
CREATE INDEX fraud_warnings_by_charge ON fraud_warnings (charge, account, livemode) WHERE charge IS NOT NULL;
CREATE INDEX fraud_warnings_uncertain ON fraud_warnings (id) WHERE needs_refetch;

-- What staff noted on disputes: append-only, for no event can bring it back. What they resolved says how Stripe had
-- it then, so that a later demand for an answer brings it back into sight.
CREATE TABLE dispute_notes (
    id                       TEXT        NOT NULL,
    account                  TEXT        NOT NULL,
    livemode                 BOOLEAN     NOT NULL,
    number                   BIGINT      NOT NULL,
    resolves                 BOOLEAN     NOT NULL,
    reopens                  BOOLEAN     NOT NULL DEFAULT FALSE,
    note                     TEXT        NOT NULL,
    stripe_status            TEXT,
    respond_by               TIMESTAMPTZ,
    written_by               TEXT        NOT NULL,
    written_at               TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (id, account, livemode, number)
);
