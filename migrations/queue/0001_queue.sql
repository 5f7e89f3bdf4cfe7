-- What was accepted and is not settled. A row never changes: leasing it must not rewrite its body.
CREATE TABLE messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- never given twice, so that a lease of old cannot name a new message
    header TEXT NOT NULL,
    body BLOB NOT NULL,
    enqueued_at_ms INTEGER NOT NULL
) STRICT;

-- Small beside the bodies: the order of lending, the count and the oldest are read here.
CREATE INDEX messages_by_age ON messages (enqueued_at_ms);

-- Who has what, for how long. A message that nobody ever had has no row.
CREATE TABLE leases (
    message INTEGER PRIMARY KEY REFERENCES messages (id) ON DELETE CASCADE,
    fence INTEGER NOT NULL,    -- grows with every lending of the message; only the latest may settle
    owner TEXT NOT NULL,
    until_ms INTEGER NOT NULL, -- 0 when given back
    lost INTEGER NOT NULL      -- how many lendings ran out unsettled
) STRICT;
