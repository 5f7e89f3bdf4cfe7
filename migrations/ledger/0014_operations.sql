-- What Stripe is asked to do, each a row before anything is sent. Only its state and what Stripe answered change; who
-- decided what, and each call, are kept apart and append-only.
CREATE TABLE operations (
    id                       TEXT        NOT NULL PRIMARY KEY,
    account                  TEXT        NOT NULL,
    livemode                 BOOLEAN     NOT NULL,
    kind                     TEXT        NOT NULL CHECK (kind IN ('refund', 'charge', 'capture', 'cancel', 'subscribe',
        'unsubscribe', 'invoice_retry', 'credit', 'evidence_stage', 'evidence_submit', 'dispute_accept')),
    state                    TEXT        NOT NULL CHECK (state IN ('needs_confirmation', 'needs_approval', 'approved',
        'executing', 'succeeded', 'failed', 'unknown', 'refused', 'lapsed', 'rejected', 'canceled')),
    -- What it is about, and whose payment and customer it concerns.
    subject_kind             TEXT        NOT NULL,
    subject_id               TEXT        NOT NULL,
    payment                  TEXT,
    customer                 TEXT,
    amount                   BIGINT      NOT NULL CHECK (amount >= 0),
    currency                 TEXT        NOT NULL,
    -- Exactly what is sent, as JSON with sorted names, and its SHA-256.
    parameters               TEXT        NOT NULL,
    parameters_hash          TEXT        NOT NULL,
    reason                   TEXT        NOT NULL,
    note                     TEXT,
    requested_by             TEXT        NOT NULL,
    -- How it is known who asked: `session`, `token ID` or `declared`.
    known_by                 TEXT        NOT NULL,
    is_program               BOOLEAN     NOT NULL,
    requested_at             TIMESTAMPTZ NOT NULL,
    confirmed                BOOLEAN     NOT NULL,
    approval                 TEXT        NOT NULL CHECK (approval IN ('none', 'own', 'policy', 'person')),
    approved_by              TEXT,
    approved_at              TIMESTAMPTZ,
    -- Why it waits, or was refused, and what to heed: for people.
    message                  TEXT,
    warning                  TEXT,
    expires_at               TIMESTAMPTZ,
    -- One sending under one idempotency key.
    attempt                  BIGINT      NOT NULL CHECK (attempt >= 0),
    idempotency_key          TEXT,
    first_sent_at            TIMESTAMPTZ,
    look_again_at            TIMESTAMPTZ,
    held_by                  TEXT,
    held_until               TIMESTAMPTZ,
    -- What Stripe made of it.
    stripe_id                TEXT,
    stripe_status            TEXT,
    request_id               TEXT,
    error_class              TEXT,
    error_code               TEXT,
    error_text               TEXT,
    ended_at                 TIMESTAMPTZ,
    retry_of                 TEXT,
    revision                 BIGINT      NOT NULL,
    audit_hash               BYTEA       NOT NULL,
    CHECK ((approval = 'none') = (approved_at IS NULL)),
    CHECK ((attempt = 0) = (idempotency_key IS NULL))
);
-- What it has to see before it is decided: others of the same payment, and those of the last day.
CREATE INDEX operations_of_payment ON operations (payment, requested_at) WHERE payment IS NOT NULL;
CREATE INDEX operations_of_customer ON operations (customer, requested_at) WHERE customer IS NOT NULL;
CREATE INDEX operations_of_requester ON operations (requested_by, requested_at);
CREATE INDEX operations_of_subject ON operations (subject_id, requested_at);
CREATE INDEX operations_by_policy ON operations (requested_at) WHERE approval = 'policy';
CREATE INDEX operations_by_time ON operations (requested_at);
-- What made an object at Stripe.
CREATE INDEX operations_by_stripe_id ON operations (stripe_id) WHERE stripe_id IS NOT NULL;
CREATE INDEX operations_open ON operations (state, requested_at)
    WHERE state IN ('needs_confirmation', 'needs_approval', 'approved', 'executing', 'unknown');

-- Who decided what about an operation, and on which parameters.
CREATE TABLE operation_decisions (
    operation                TEXT        NOT NULL,
    number                   BIGINT      NOT NULL,
    decision                 TEXT        NOT NULL CHECK (decision IN ('request', 'confirm', 'approve', 'reject', 'cancel',
        'adopt', 'give_up')),
    decided_by               TEXT        NOT NULL,
    known_by                 TEXT        NOT NULL,
    reason                   TEXT,
    parameters_hash          TEXT        NOT NULL,
    decided_at               TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (operation, number)
);

-- One HTTP exchange each; never a body.
CREATE TABLE operation_calls (
    operation                TEXT        NOT NULL,
    attempt                  BIGINT      NOT NULL,
    number                   BIGINT      NOT NULL,
    method                   TEXT        NOT NULL,
    path                     TEXT        NOT NULL,
    -- What the answer means, in one word; the HTTP status where there was an answer.
    class                    TEXT        NOT NULL,
    http_status              BIGINT,
    stripe_code              TEXT,
    request_id               TEXT,
    replayed                 BOOLEAN     NOT NULL,
    duration_ms              BIGINT      NOT NULL,
    called_at                TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (operation, attempt, number)
);
