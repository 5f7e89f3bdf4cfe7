-- The value under which the fraud desk names cards, drawn once: without it a name leads back to a card within seconds.
CREATE TABLE fraud_card_key (
    number          BIGINT      NOT NULL PRIMARY KEY CHECK (number = 1),
    value           TEXT        NOT NULL
);

-- Counted for each check and mode; bursts that were found for the last time long ago resolve themselves.
DROP INDEX findings_counted;
CREATE INDEX findings_counted ON findings (found_by, livemode, severity, kind) WHERE state <> 'resolved';
CREATE INDEX findings_unresolved_by_time ON findings (found_by, kind, last_found_at) WHERE state <> 'resolved';

-- Lists, in their order.
CREATE INDEX payouts_by_time ON payouts ((COALESCE(created_at, first_event_at)));
CREATE INDEX blocks_by_time ON blocks (placed_at, id);
CREATE INDEX holds_by_time ON holds (placed_at, object_id);

-- Since when an account has goods: asked for each payment for goods that nobody has put.
CREATE INDEX goods_of_account ON goods (account, livemode, created_at);
