-- Refunds that were asked for together and wait for one word: the frozen list, its sum and its hash. What becomes of each
-- stands with its operation.
CREATE TABLE batches (
    id              TEXT        NOT NULL PRIMARY KEY,
    account         TEXT        NOT NULL,
    livemode        BOOLEAN     NOT NULL,
    items           BIGINT      NOT NULL,
    sums            TEXT        NOT NULL,
    hash            TEXT        NOT NULL,
    reason          TEXT        NOT NULL,
    note            TEXT,
    requested_by    TEXT        NOT NULL,
    known_by        TEXT        NOT NULL,
    requested_at    TIMESTAMPTZ NOT NULL
);
CREATE INDEX batches_by_time ON batches (requested_at);

CREATE TABLE batch_items (
    batch           TEXT        NOT NULL,
    number          BIGINT      NOT NULL,
    operation       TEXT        NOT NULL UNIQUE,
    PRIMARY KEY (batch, number)
);
