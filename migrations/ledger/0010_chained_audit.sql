-- Each line of the audit carries a hash over all of its columns and its subject's line before; each object that
-- is audited has the hash of its last line. Lines without one were written before the chain began.
ALTER TABLE audit ADD COLUMN hash BYTEA;
ALTER TABLE payments ADD COLUMN audit_hash BYTEA NOT NULL DEFAULT '';
ALTER TABLE invoices ADD COLUMN audit_hash BYTEA NOT NULL DEFAULT '';
ALTER TABLE refunds ADD COLUMN audit_hash BYTEA NOT NULL DEFAULT '';
ALTER TABLE disputes ADD COLUMN audit_hash BYTEA NOT NULL DEFAULT '';
ALTER TABLE subscriptions ADD COLUMN audit_hash BYTEA NOT NULL DEFAULT '';
ALTER TABLE bans ADD COLUMN audit_hash BYTEA NOT NULL DEFAULT '';

-- What each transaction committed: its new events and its lines of the audit, as the first 16 bytes of a hash of
-- each; and up to which message of an embedded queue it took. `block` is the seal that covers it.
CREATE TABLE audit_commits (
    id              TEXT        NOT NULL PRIMARY KEY,
    committed_at    TIMESTAMPTZ NOT NULL,
    events          BIGINT      NOT NULL,
    lines           BIGINT      NOT NULL,
    members         BYTEA       NOT NULL,
    queue           TEXT,
    highest         BIGINT,
    deliveries      BIGINT      NOT NULL,
    block           BIGINT
);
CREATE INDEX audit_commits_by_block ON audit_commits (block, id);
CREATE INDEX audit_commits_by_queue ON audit_commits (queue, highest) WHERE queue IS NOT NULL;

-- Blocks of commits, each with the hash of the block before.
CREATE TABLE audit_seals (
    number          BIGINT      NOT NULL PRIMARY KEY,
    commits         BIGINT      NOT NULL,
    events          BIGINT      NOT NULL,
    lines           BIGINT      NOT NULL,
    hash            BYTEA       NOT NULL,
    sealed_at       TIMESTAMPTZ NOT NULL
);
