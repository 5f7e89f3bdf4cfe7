-- Keys that were in use, each by a fingerprint that does not tell it: since when, and when last.
CREATE TABLE key_sightings (
    name            TEXT        NOT NULL,
    fingerprint     TEXT        NOT NULL,
    first_seen_at   TIMESTAMPTZ NOT NULL,
    last_seen_at    TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (name, fingerprint)
);

-- Whose bodies staff keep beyond their retention: whatever has this id. Lifting a hold removes it; the audit knows of both.
CREATE TABLE holds (
    object_id       TEXT        NOT NULL PRIMARY KEY,
    reason          TEXT        NOT NULL,
    placed_by       TEXT        NOT NULL,
    placed_at       TIMESTAMPTZ NOT NULL
);
