-- What staff say in answer to a dispute, before it is stored at Stripe: what was sold, and a text for each field, as
-- JSON. A null text leaves out what the ledger would fill in. No data about a person stands here.
CREATE TABLE evidence_drafts (
    id              TEXT        NOT NULL,
    account         TEXT        NOT NULL,
    livemode        BOOLEAN     NOT NULL,
    goods           TEXT        NOT NULL,
    texts           TEXT        NOT NULL,
    changed_by      TEXT        NOT NULL,
    changed_at      TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (id, account, livemode)
);

-- Files of evidence. The content rests here from its upload until Stripe has it, or until it is of no use any more;
-- name, size and hash stay.
CREATE TABLE evidence_files (
    id              TEXT        NOT NULL PRIMARY KEY,
    dispute         TEXT        NOT NULL,
    account         TEXT        NOT NULL,
    livemode        BOOLEAN     NOT NULL,
    field           TEXT        NOT NULL,
    name            TEXT        NOT NULL,
    file_kind       TEXT        NOT NULL,
    size_bytes      BIGINT      NOT NULL,
    pages           BIGINT,
    sha256          TEXT        NOT NULL,
    content         BYTEA,
    attached_by     TEXT        NOT NULL,
    attached_at     TIMESTAMPTZ NOT NULL,
    stripe_id       TEXT,
    uploaded_at     TIMESTAMPTZ,
    removed_at      TIMESTAMPTZ
);
CREATE UNIQUE INDEX evidence_files_by_field ON evidence_files (dispute, account, livemode, field) WHERE removed_at IS NULL;
CREATE INDEX evidence_files_with_content ON evidence_files (attached_at) WHERE content IS NOT NULL;

-- What an operation stored at Stripe, as Stripe then showed it: SHA-256 of each field alone. Evidence is submitted only
-- as long as Stripe still shows the same.
CREATE TABLE evidence_stored (
    operation       TEXT        NOT NULL,
    field           TEXT        NOT NULL,
    sha256          TEXT        NOT NULL,
    chars           BIGINT      NOT NULL,
    PRIMARY KEY (operation, field)
);
