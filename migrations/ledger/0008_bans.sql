-- A row for each user whom a dispute concerned, or staff. For other programs: a user is banned when
-- `override_act = 'ban'` with `override_until` absent or to come; or when `status = 'banned'` and there is no
-- such override to lift it. A user without a row is not banned.
CREATE TABLE bans (
    id                       TEXT        NOT NULL,
    account                  TEXT        NOT NULL,
    livemode                 BOOLEAN     NOT NULL,
    status                   TEXT        NOT NULL DEFAULT 'clear' CHECK (status IN ('clear', 'banned')),
    disputes                 BIGINT      NOT NULL DEFAULT 0 CHECK (disputes >= 0),
    chargebacks              BIGINT      NOT NULL DEFAULT 0 CHECK (chargebacks >= 0),
    since                    TIMESTAMPTZ,
    override_act             TEXT        NOT NULL DEFAULT 'none' CHECK (override_act IN ('none', 'ban', 'lift')),
    override_until           TIMESTAMPTZ,
    override_reason          TEXT,
    override_by              TEXT,
    override_at              TIMESTAMPTZ,
    revision                 BIGINT      NOT NULL DEFAULT 0,
    audit_hash               BYTEA       NOT NULL DEFAULT '',
    PRIMARY KEY (id, account, livemode)
);
CREATE INDEX bans_in_force ON bans (id) WHERE status = 'banned' OR override_act <> 'none';

-- What staff decided about users: append-only, for no event can bring it back.
CREATE TABLE ban_overrides (
    id                       TEXT        NOT NULL,
    account                  TEXT        NOT NULL,
    livemode                 BOOLEAN     NOT NULL,
    number                   BIGINT      NOT NULL,
    act                      TEXT        NOT NULL CHECK (act IN ('none', 'ban', 'lift')),
    until                    TIMESTAMPTZ,
    reason                   TEXT        NOT NULL,
    decided_by               TEXT        NOT NULL,
    decided_at               TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (id, account, livemode, number)
);
