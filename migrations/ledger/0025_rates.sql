-- What processes share of a rate: when the next turn of an even pace is due (microseconds since 1970), or how many of a
-- minute's requests are taken (minutes since 1970). A row a pace, token or person.
CREATE TABLE rates (
    name            TEXT        NOT NULL PRIMARY KEY,
    mark            BIGINT      NOT NULL,
    taken           BIGINT      NOT NULL DEFAULT 0
);
