-- What the fraud desk reads by time.
CREATE INDEX fraud_warnings_by_time ON fraud_warnings (created_at) WHERE actionable;

-- Customers and users who are not charged until staff lift it. Lifting a block removes it; the audit knows of both.
CREATE TABLE blocks (
    id              TEXT        NOT NULL PRIMARY KEY,
    reason          TEXT        NOT NULL,
    placed_by       TEXT        NOT NULL,
    placed_at       TIMESTAMPTZ NOT NULL
);
