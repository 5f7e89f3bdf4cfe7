-- What the business decides: every value that a policy ever had, append-only; the highest version counts. Where
-- there is none, the default of this build does. `currency` is empty unless the value is money of one.
CREATE TABLE policies (
    key             TEXT        NOT NULL,
    currency        TEXT        NOT NULL,
    version         BIGINT      NOT NULL,
    value           TEXT        NOT NULL,
    reason          TEXT        NOT NULL,
    set_by          TEXT        NOT NULL,
    set_at          TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (key, currency, version)
);
