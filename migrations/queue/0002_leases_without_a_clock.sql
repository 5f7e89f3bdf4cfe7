-- Who has leases now. A holder counts up while it lives; one that no longer does has lost what it had. A time of
-- day would be wrong for as long as the clock was, and was not trusted by the next process.
CREATE TABLE holders (
    owner TEXT PRIMARY KEY,
    beat INTEGER NOT NULL
) STRICT;

-- A lease holds while its owner is a holder; '' when it was given back.
UPDATE leases SET owner = '' WHERE until_ms = 0;
ALTER TABLE leases DROP COLUMN until_ms;
