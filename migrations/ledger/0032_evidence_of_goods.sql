-- Whoever keeps goods looks at each once: those that were taken away have a time now at which they are removed.
INSERT INTO goods_changes (id, account, livemode, changes, look_at)
    SELECT id, account, livemode, 1, NULL FROM goods WHERE TRUE ON CONFLICT (id, account, livemode) DO NOTHING;
