-- What goods say in the answer to a dispute about a payment for them, as JSON; derived, like the columns before it.
ALTER TABLE goods ADD COLUMN testimony TEXT NOT NULL DEFAULT '';

-- Whoever keeps goods looks at each once: they say something now, and those that were taken away have a time at which they
-- are removed.
INSERT INTO goods_changes (id, account, livemode, changes, look_at)
    SELECT id, account, livemode, 1, NULL FROM goods WHERE TRUE ON CONFLICT (id, account, livemode) DO NOTHING;
