-- Every transition and every act of staff. The revision in the key makes a lost update a unique violation. Each
-- line carries a hash over all of its columns and its subject's line before; each object that is audited has the
-- hash of its last line.
CREATE TABLE audit (
    subject_id      TEXT        NOT NULL,
    account         TEXT        NOT NULL,
    livemode        BOOLEAN     NOT NULL,
    subject_kind    TEXT        NOT NULL,
    revision        BIGINT      NOT NULL,
    at              TIMESTAMPTZ NOT NULL,
    actor           TEXT        NOT NULL,
    event_id        TEXT,
    what            TEXT        NOT NULL,
    before          TEXT,
    after           TEXT,
    severity        TEXT        NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
    hash            BYTEA,
    PRIMARY KEY (subject_id, account, livemode, subject_kind, revision)
);
-- What an event moved.
CREATE INDEX audit_by_event ON audit (event_id) WHERE event_id IS NOT NULL;

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
