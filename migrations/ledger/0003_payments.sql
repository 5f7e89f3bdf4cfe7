-- In every table of objects a placeholder, which another object named before its first report, has the defaults.
-- `merge_state` orders the reports: the keys of those that the row's values came from, packed; the greatest key
-- wins, whatever the order of arrival. `needs_refetch`: only Stripe can tell the state.
CREATE TABLE payments (
    id                       TEXT        NOT NULL,
    account                  TEXT        NOT NULL,
    livemode                 BOOLEAN     NOT NULL,
    status                   TEXT        NOT NULL DEFAULT 'unknown',
    amount                   BIGINT      NOT NULL DEFAULT 0 CHECK (amount >= 0),
    amount_capturable        BIGINT      NOT NULL DEFAULT 0 CHECK (amount_capturable >= 0),
    amount_received          BIGINT      NOT NULL DEFAULT 0 CHECK (amount_received >= 0),
    currency                 TEXT        NOT NULL DEFAULT '',
    created_at               TIMESTAMPTZ,
    succeeded_at             TIMESTAMPTZ,
    canceled_at              TIMESTAMPTZ,
    failure_code             TEXT,
    decline_code             TEXT,
    listing_id               TEXT,
    category_id              TEXT,
    payment_type             TEXT,
    invoice_amount           BIGINT,
    needs_refetch            BOOLEAN     NOT NULL DEFAULT FALSE,
    first_event_at           TIMESTAMPTZ,
    last_event_at            TIMESTAMPTZ,
    customer                 TEXT,
    user_id                  TEXT,
    -- The invoice that it counts for: of Stripe's own link, the order that Stripe says it is for (an invoice where
    -- Stripe has reported one of that id), and the one in its metadata.
    invoice                  TEXT,
    invoice_stripe           TEXT,
    invoice_reference        TEXT,
    invoice_metadata         TEXT,
    refunded                 TEXT        NOT NULL DEFAULT 'none' CHECK (refunded IN ('none', 'partial', 'full')),
    amount_refunded          BIGINT      NOT NULL DEFAULT 0 CHECK (amount_refunded >= 0),
    disputed                 TEXT        NOT NULL DEFAULT 'none'
        CHECK (disputed IN ('none', 'closed', 'won', 'lost', 'open')),
    dispute_count            BIGINT      NOT NULL DEFAULT 0 CHECK (dispute_count >= 0),
    amount_charged_back      BIGINT      NOT NULL DEFAULT 0 CHECK (amount_charged_back >= 0),
    failed_attempts          BIGINT      NOT NULL DEFAULT 0 CHECK (failed_attempts >= 0),
    last_failed_at           TIMESTAMPTZ,
    last_failure_code        TEXT,
    last_decline_code        TEXT,
    anomaly                  TEXT,
    merge_state              BYTEA       NOT NULL DEFAULT '',
    revision                 BIGINT      NOT NULL DEFAULT 0,
    audit_hash               BYTEA       NOT NULL DEFAULT '',
    PRIMARY KEY (id, account, livemode)
);
-- Every batch reads the payments of its invoices, by each of the two links that an invoice may be found by.
CREATE INDEX payments_by_invoice ON payments (invoice, account, livemode) WHERE invoice IS NOT NULL;
CREATE INDEX payments_by_reference ON payments (invoice_reference, account, livemode)
    WHERE invoice_reference IS NOT NULL;
-- Bans: the disputed payments of a user and of a customer.
CREATE INDEX payments_disputed_of_user ON payments (user_id, account, livemode)
    WHERE dispute_count > 0 AND user_id IS NOT NULL;
CREATE INDEX payments_disputed_of_customer ON payments (customer, account, livemode)
    WHERE dispute_count > 0 AND customer IS NOT NULL;
-- Lists: of a customer, of a user, the newest first.
CREATE INDEX payments_of_customer ON payments (customer, created_at) WHERE customer IS NOT NULL;
CREATE INDEX payments_of_user ON payments (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX payments_by_time ON payments ((COALESCE(created_at, first_event_at)));
-- Figures about money, by the time of the event.
CREATE INDEX payments_succeeded ON payments (livemode, succeeded_at) WHERE succeeded_at IS NOT NULL;
-- What somebody should look at: few rows. No condition looks at a status, which changes often: an index that does
-- is written with every change. When an object was made is said by its first report, and never changes.
CREATE INDEX payments_unknown ON payments (first_event_at) WHERE created_at IS NULL;
CREATE INDEX payments_with_anomaly ON payments (id) WHERE anomaly IS NOT NULL;
CREATE INDEX payments_uncertain ON payments (id) WHERE needs_refetch;

CREATE TABLE charges (
    id                       TEXT        NOT NULL,
    account                  TEXT        NOT NULL,
    livemode                 BOOLEAN     NOT NULL,
    status                   TEXT        NOT NULL DEFAULT 'unknown',
    amount                   BIGINT      NOT NULL DEFAULT 0 CHECK (amount >= 0),
    amount_captured          BIGINT      NOT NULL DEFAULT 0 CHECK (amount_captured >= 0),
    amount_refunded_reported BIGINT      NOT NULL DEFAULT 0 CHECK (amount_refunded_reported >= 0),
    currency                 TEXT        NOT NULL DEFAULT '',
    created_at               TIMESTAMPTZ,
    failure_code             TEXT,
    captured_at              TIMESTAMPTZ,
    -- Refunds of which Stripe tells only the sum have no row of their own.
    refund_reported_at       TIMESTAMPTZ,
    needs_refetch            BOOLEAN     NOT NULL DEFAULT FALSE,
    first_event_at           TIMESTAMPTZ,
    last_event_at            TIMESTAMPTZ,
    payment                  TEXT,
    customer                 TEXT,
    card_brand               TEXT,
    card_last4               TEXT,
    card_exp_month           BIGINT,
    card_exp_year            BIGINT,
    amount_released          BIGINT      NOT NULL DEFAULT 0 CHECK (amount_released >= 0),
    releases                 TEXT        NOT NULL DEFAULT 'unknown'
        CHECK (releases IN ('unknown', 'apart_by_version', 'counted', 'apart')),
    given_up                 BOOLEAN     NOT NULL DEFAULT FALSE,
    amount_refunded          BIGINT      NOT NULL DEFAULT 0 CHECK (amount_refunded >= 0),
    amount_unitemised        BIGINT      NOT NULL DEFAULT 0 CHECK (amount_unitemised >= 0),
    disputed                 TEXT        NOT NULL DEFAULT 'none'
        CHECK (disputed IN ('none', 'closed', 'won', 'lost', 'open')),
    dispute_count            BIGINT      NOT NULL DEFAULT 0 CHECK (dispute_count >= 0),
    amount_charged_back      BIGINT      NOT NULL DEFAULT 0 CHECK (amount_charged_back >= 0),
    lost_currency            TEXT,
    dispute_currency         TEXT,
    anomaly                  TEXT,
    merge_state              BYTEA       NOT NULL DEFAULT '',
    PRIMARY KEY (id, account, livemode)
);
-- Every batch reads the charges of its payments.
CREATE INDEX charges_by_payment ON charges (payment, account, livemode) WHERE payment IS NOT NULL;
CREATE INDEX charges_by_time ON charges ((COALESCE(created_at, first_event_at)));
CREATE INDEX charges_refunded ON charges (refund_reported_at) WHERE refund_reported_at IS NOT NULL;
CREATE INDEX charges_unknown ON charges (first_event_at) WHERE created_at IS NULL;
CREATE INDEX charges_with_anomaly ON charges (id) WHERE anomaly IS NOT NULL;
CREATE INDEX charges_uncertain ON charges (id) WHERE needs_refetch;

-- A failure that an invoice reports itself names the invoice instead of a payment.
CREATE TABLE payment_failures (
    id                       TEXT        NOT NULL,
    account                  TEXT        NOT NULL,
    livemode                 BOOLEAN     NOT NULL,
    failed_at                TIMESTAMPTZ,
    payment                  TEXT,
    invoice                  TEXT,
    charge                   TEXT,
    code                     TEXT,
    decline_code             TEXT,
    outcome_reason           TEXT,
    merge_state              BYTEA       NOT NULL DEFAULT '',
    PRIMARY KEY (id, account, livemode)
);
-- Every batch reads the failures of its payments and invoices.
CREATE INDEX payment_failures_by_payment ON payment_failures (payment, account, livemode) WHERE payment IS NOT NULL;
CREATE INDEX payment_failures_by_invoice ON payment_failures (invoice, account, livemode) WHERE invoice IS NOT NULL;
-- Figures, by the time of the event. The condition leaves out rows that only others have named.
CREATE INDEX payment_failures_by_time ON payment_failures (livemode, failed_at)
    WHERE failed_at IS NOT NULL AND payment IS NOT NULL;
