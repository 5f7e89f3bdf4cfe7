-- Who may act. A name is never given to another person: the audit refers to it. `roles` are words with commas;
-- `admin_until` is when a person ceased to be an administrator.
CREATE TABLE staff (
    name            TEXT        NOT NULL PRIMARY KEY,
    roles           TEXT        NOT NULL,
    added_by        TEXT        NOT NULL,
    added_at        TIMESTAMPTZ NOT NULL,
    disabled_by     TEXT,
    disabled_at     TIMESTAMPTZ,
    admin_until     TIMESTAMPTZ,
    CHECK ((disabled_by IS NULL) = (disabled_at IS NULL))
);

-- One row: whoever changes who may do what takes it first, so that two such changes see each other.
CREATE TABLE staff_guard (
    id              BIGINT      NOT NULL PRIMARY KEY CHECK (id = 1),
    revision        BIGINT      NOT NULL
);
INSERT INTO staff_guard (id, revision) VALUES (1, 0);

-- How people prove who they are: argon2id of the password; the TOTP secret, encrypted under STAFF_KEY; and the last
-- step of time whose code was accepted, for each is accepted once.
CREATE TABLE staff_credentials (
    staff           TEXT        NOT NULL PRIMARY KEY REFERENCES staff (name),
    password_hash   TEXT        NOT NULL,
    password_at     TIMESTAMPTZ NOT NULL,
    totp_secret     BYTEA,
    totp_at         TIMESTAMPTZ,
    totp_step       BIGINT      NOT NULL DEFAULT 0
);

-- Codes for a lost second factor, each good for one login: SHA-256 alone.
CREATE TABLE recovery_codes (
    staff           TEXT        NOT NULL REFERENCES staff (name),
    hash            BYTEA       NOT NULL,
    made_at         TIMESTAMPTZ NOT NULL,
    used_at         TIMESTAMPTZ,
    PRIMARY KEY (staff, hash)
);

-- Tokens of the API and the command line: SHA-256 of the secret, and the beginning that people recognize it by. One
-- that needs a second administrator works once `approved_at` is set.
CREATE TABLE tokens (
    id              TEXT        NOT NULL PRIMARY KEY,
    staff           TEXT        NOT NULL REFERENCES staff (name),
    roles           TEXT        NOT NULL,
    is_program      BOOLEAN     NOT NULL,
    hash            BYTEA       NOT NULL,
    prefix          TEXT        NOT NULL,
    created_by      TEXT        NOT NULL,
    created_at      TIMESTAMPTZ NOT NULL,
    approved_at     TIMESTAMPTZ,
    expires_at      TIMESTAMPTZ,
    last_used_at    TIMESTAMPTZ,
    last_refused_at TIMESTAMPTZ,
    ended_by        TEXT,
    ended_at        TIMESTAMPTZ,
    CHECK ((ended_by IS NULL) = (ended_at IS NULL))
);
CREATE UNIQUE INDEX tokens_by_hash ON tokens (hash);
CREATE INDEX tokens_by_staff ON tokens (staff);

-- Logins of the console: SHA-256 of the cookie alone. `ends_at` is the absolute end.
CREATE TABLE sessions (
    id              TEXT        NOT NULL PRIMARY KEY,
    staff           TEXT        NOT NULL REFERENCES staff (name),
    hash            BYTEA       NOT NULL,
    address         TEXT        NOT NULL,
    begun_at        TIMESTAMPTZ NOT NULL,
    seen_at         TIMESTAMPTZ NOT NULL,
    ends_at         TIMESTAMPTZ NOT NULL,
    ended_by        TEXT,
    ended_at        TIMESTAMPTZ,
    CHECK ((ended_by IS NULL) = (ended_at IS NULL))
);
CREATE UNIQUE INDEX sessions_by_hash ON sessions (hash);
CREATE INDEX sessions_by_staff ON sessions (staff);

-- Logins that failed one after the other, of a name and of an address, and until when the next one waits.
CREATE TABLE login_failures (
    scope           TEXT        NOT NULL CHECK (scope IN ('staff', 'address')),
    name            TEXT        NOT NULL,
    failures        BIGINT      NOT NULL CHECK (failures > 0),
    last_at         TIMESTAMPTZ NOT NULL,
    locked_until    TIMESTAMPTZ,
    PRIMARY KEY (scope, name)
);

-- One-time codes that let a person set a password. Without a name it makes the first administrator, who chooses one.
CREATE TABLE invitations (
    id              TEXT        NOT NULL PRIMARY KEY,
    staff           TEXT        REFERENCES staff (name),
    hash            BYTEA       NOT NULL,
    made_by         TEXT        NOT NULL,
    made_at         TIMESTAMPTZ NOT NULL,
    approved_at     TIMESTAMPTZ,
    ends_at         TIMESTAMPTZ NOT NULL,
    ended_by        TEXT,
    ended_at        TIMESTAMPTZ,
    CHECK ((ended_by IS NULL) = (ended_at IS NULL))
);
CREATE UNIQUE INDEX invitations_by_hash ON invitations (hash);

-- Changes that loosen a rule, and wait for a second administrator.
CREATE TABLE pending_changes (
    id              TEXT        NOT NULL PRIMARY KEY,
    kind            TEXT        NOT NULL CHECK (kind IN ('roles', 'enable', 'token', 'invitation', 'policy')),
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
-- At most one change of a subject waits.
CREATE UNIQUE INDEX pending_changes_waiting ON pending_changes (subject, kind) WHERE state = 'waiting';
