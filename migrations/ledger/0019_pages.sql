-- Logins whose password was right and whose second factor is still to come: SHA-256 of the cookie alone.
CREATE TABLE login_challenges (
    hash            BYTEA       NOT NULL PRIMARY KEY,
    staff           TEXT        NOT NULL REFERENCES staff (name),
    made_at         TIMESTAMPTZ NOT NULL,
    ends_at         TIMESTAMPTZ NOT NULL
);

-- What staff wrote about an object or an operation: append-only, for no event can bring it back. A note that resolves a
-- dispute says how Stripe had it then, so that a later demand for an answer brings it back into sight.
CREATE TABLE notes (
    kind            TEXT        NOT NULL,
    id              TEXT        NOT NULL,
    account         TEXT        NOT NULL,
    livemode        BOOLEAN     NOT NULL,
    number          BIGINT      NOT NULL,
    resolves        BOOLEAN     NOT NULL DEFAULT FALSE,
    reopens         BOOLEAN     NOT NULL DEFAULT FALSE,
    note            TEXT        NOT NULL,
    stripe_status   TEXT,
    respond_by      TIMESTAMPTZ,
    written_by      TEXT        NOT NULL,
    written_at      TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (kind, id, account, livemode, number)
);
INSERT INTO notes (kind, id, account, livemode, number, resolves, reopens, note, stripe_status, respond_by, written_by, written_at)
    SELECT 'dispute', id, account, livemode, number, resolves, reopens, note, stripe_status, respond_by, written_by, written_at
    FROM dispute_notes;
DROP TABLE dispute_notes;

-- Who takes care of it, the last row of each; no name: nobody any more.
CREATE TABLE assignments (
    kind            TEXT        NOT NULL,
    id              TEXT        NOT NULL,
    account         TEXT        NOT NULL,
    livemode        BOOLEAN     NOT NULL,
    number          BIGINT      NOT NULL,
    assignee        TEXT        REFERENCES staff (name),
    assigned_by     TEXT        NOT NULL,
    assigned_at     TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (kind, id, account, livemode, number)
);
