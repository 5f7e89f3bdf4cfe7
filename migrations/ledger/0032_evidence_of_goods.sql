-- What goods say in the answer to a dispute about a payment for them, as JSON; derived, like the columns before it.
ALTER TABLE goods ADD COLUMN testimony TEXT NOT NULL DEFAULT '';

-- Whoever keeps goods looks at each once: they say something now, and those that were taken away have a time at which they
-- are removed.
INSERT INTO goods_changes (id, account, livemode, changes, look_at)
    SELECT id, account, livemode, 1, NULL FROM goods WHERE TRUE ON CONFLICT (id, account, livemode) DO NOTHING;

-- Which changes there are that wait for a second administrator, the rules know: another one is no change of this table.
CREATE TABLE pending_changes_anew (
    id              TEXT        NOT NULL PRIMARY KEY,
    kind            TEXT        NOT NULL,
    subject         TEXT        NOT NULL,
    before          TEXT,
    after           TEXT        NOT NULL,
    reason          TEXT        NOT NULL,
    asked_by        TEXT        NOT NULL,
    asked_at        TIMESTAMPTZ NOT NULL,
    ends_at         TIMESTAMPTZ NOT NULL,
    state           TEXT        NOT NULL CHECK (state IN ('waiting', 'approved', 'rejected', 'lapsed')),
    decided_by      TEXT,
    decided_at      TIMESTAMPTZ,
    decision_reason TEXT,
    CHECK ((decided_by IS NULL) = (state = 'waiting'))
);
INSERT INTO pending_changes_anew SELECT id, kind, subject, before, after, reason, asked_by, asked_at, ends_at, state,
    decided_by, decided_at, decision_reason FROM pending_changes;
DROP TABLE pending_changes;
ALTER TABLE pending_changes_anew RENAME TO pending_changes;
CREATE UNIQUE INDEX pending_changes_waiting ON pending_changes (subject, kind) WHERE state = 'waiting';
