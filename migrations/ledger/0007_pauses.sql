-- When staff, or the program itself, stopped consumption, why, and who let it go on. At most one pause lasts.
CREATE TABLE pauses (
    number     BIGINT      NOT NULL PRIMARY KEY,
    reason     TEXT        NOT NULL,
    paused_by  TEXT        NOT NULL,
    paused_at  TIMESTAMPTZ NOT NULL,
    resumed_by TEXT,
    resumed_at TIMESTAMPTZ,
    CHECK ((resumed_by IS NULL) = (resumed_at IS NULL))
);
CREATE UNIQUE INDEX pauses_lasting ON pauses ((resumed_at IS NULL)) WHERE resumed_at IS NULL;
