-- The bodies of a batch, compressed together: Stripe's bodies resemble each other. Its number begins with the
-- time, so the oldest segments are the first ones. `bodies` keeps what outlives its segment, and what was written
-- before there were segments.
CREATE TABLE segments (
    number          BIGINT      NOT NULL PRIMARY KEY,
    recorded_at     TIMESTAMPTZ NOT NULL,
    events          BIGINT      NOT NULL,
    checksum        BYTEA       NOT NULL,
    content         BYTEA       NOT NULL
);
-- The segment that has an event's body, and its place in there.
ALTER TABLE events ADD COLUMN segment BIGINT;
ALTER TABLE events ADD COLUMN place BIGINT;
-- When its body was erased, where somebody asked for that.
ALTER TABLE events ADD COLUMN erased_at TIMESTAMPTZ;
