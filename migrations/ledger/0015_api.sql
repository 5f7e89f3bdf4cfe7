-- Requests to the API that came with an Idempotency-Key, for a day: what was asked for, as a hash, and the answer
-- once there is one. `owner` is the token, or the member of staff, whose key it is.
CREATE TABLE api_requests (
    owner           TEXT        NOT NULL,
    key             TEXT        NOT NULL,
    request_hash    TEXT        NOT NULL,
    begun_at        TIMESTAMPTZ NOT NULL,
    status          BIGINT,
    answer          TEXT,
    PRIMARY KEY (owner, key),
    CHECK ((status IS NULL) = (answer IS NULL))
);
CREATE INDEX api_requests_by_time ON api_requests (begun_at);

-- What people and programs did, by time; lines that an event wrote are found by their object.
CREATE INDEX audit_of_acts ON audit (at) WHERE event_id IS NULL;
