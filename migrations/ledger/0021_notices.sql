-- What people and programs are to be told, each row written in the transaction that made it true. The id is made from
-- kind, object and number, so the same thing is never noted twice.
CREATE TABLE notices (
    id              TEXT        NOT NULL PRIMARY KEY,
    account         TEXT        NOT NULL,
    livemode        BOOLEAN     NOT NULL,
    kind            TEXT        NOT NULL,
    object_kind     TEXT        NOT NULL,
    object_id       TEXT        NOT NULL,
    number          BIGINT      NOT NULL,
    severity        TEXT        NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
    occurred_at     TIMESTAMPTZ NOT NULL,
    noted_at        TIMESTAMPTZ NOT NULL,
    -- Too old when it was learned: kept, and sent to nobody.
    is_old          BOOLEAN     NOT NULL,
    -- Ids, amounts and statuses as JSON; no personal data.
    data            TEXT        NOT NULL
);
CREATE INDEX notices_by_time ON notices (noted_at);
CREATE INDEX notices_of_object ON notices (object_id, noted_at);

-- Where notices go. `secret` is encrypted under STAFF_KEY: what signs, or the whole address where that is the secret.
CREATE TABLE notice_targets (
    name            TEXT        NOT NULL PRIMARY KEY,
    channel         TEXT        NOT NULL CHECK (channel IN ('webhook', 'slack', 'email', 'rabbitmq')),
    address         TEXT        NOT NULL,
    secret          BYTEA       NOT NULL,
    kinds           TEXT        NOT NULL,
    least_severity  TEXT        NOT NULL CHECK (least_severity IN ('info', 'warning', 'critical')),
    is_ordered      BOOLEAN     NOT NULL,
    allows_private  BOOLEAN     NOT NULL,
    state           TEXT        NOT NULL CHECK (state IN ('enabled', 'disabled')),
    failures        BIGINT      NOT NULL,
    open_until      TIMESTAMPTZ,
    message         TEXT,
    delivered_at    TIMESTAMPTZ,
    changed_by      TEXT        NOT NULL,
    changed_at      TIMESTAMPTZ NOT NULL
);

-- One notice for one target.
CREATE TABLE notice_deliveries (
    notice          TEXT        NOT NULL,
    target          TEXT        NOT NULL,
    state           TEXT        NOT NULL CHECK (state IN ('pending', 'delivered', 'failed', 'withdrawn', 'held')),
    attempts        BIGINT      NOT NULL,
    next_at         TIMESTAMPTZ NOT NULL,
    give_up_at      TIMESTAMPTZ NOT NULL,
    message         TEXT,
    noted_at        TIMESTAMPTZ NOT NULL,
    ended_at        TIMESTAMPTZ,
    PRIMARY KEY (notice, target)
);
CREATE INDEX notice_deliveries_pending ON notice_deliveries (target, next_at) WHERE state = 'pending';
CREATE INDEX notice_deliveries_in_order ON notice_deliveries (target, noted_at) WHERE state = 'pending';
CREATE INDEX notice_deliveries_failed ON notice_deliveries (ended_at) WHERE state = 'failed';
CREATE INDEX notice_deliveries_by_time ON notice_deliveries (noted_at);

-- Addresses that a mail server refused for good, as a keyed hash: nobody reads an address from it.
CREATE TABLE suppressed_addresses (
    hash            TEXT        NOT NULL PRIMARY KEY,
    reason          TEXT        NOT NULL,
    since           TIMESTAMPTZ NOT NULL
);
