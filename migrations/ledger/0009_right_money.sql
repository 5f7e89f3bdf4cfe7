-- Reports of a payment get classes of their own, so that its charge can tell of it too: what the charge says stands
-- below the payment's own words (1; final ones 3), but once it took the money between the two (2).
UPDATE payments SET freshness = '3' || SUBSTR(freshness, 2) WHERE freshness LIKE '1.%';
UPDATE payments SET freshness = '1' || SUBSTR(freshness, 2) WHERE freshness LIKE '0.%';
-- What staff need as evidence is kept with the report that it came from.
ALTER TABLE payments ADD COLUMN purpose_freshness TEXT NOT NULL DEFAULT '';
UPDATE payments SET purpose_freshness = '2' || SUBSTR(freshness, 2) WHERE freshness LIKE '3.%';
UPDATE payments SET purpose_freshness = freshness WHERE freshness LIKE '1.%';
UPDATE payments SET customer_freshness = '2' || SUBSTR(customer_freshness, 2) WHERE customer_freshness LIKE '1.%';
UPDATE payments SET customer_freshness = '1' || SUBSTR(customer_freshness, 2) WHERE customer_freshness LIKE '0.%';
UPDATE payments SET user_id_freshness = '2' || SUBSTR(user_id_freshness, 2) WHERE user_id_freshness LIKE '1.%';
UPDATE payments SET user_id_freshness = '1' || SUBSTR(user_id_freshness, 2) WHERE user_id_freshness LIKE '0.%';
UPDATE payments SET invoice_metadata_freshness = '2' || SUBSTR(invoice_metadata_freshness, 2)
    WHERE invoice_metadata_freshness LIKE '1.%';
UPDATE payments SET invoice_metadata_freshness = '1' || SUBSTR(invoice_metadata_freshness, 2)
    WHERE invoice_metadata_freshness LIKE '0.%';
-- Only failing ends a refund: what was class 3 is class 1, and all else 0.
UPDATE refunds SET freshness = (CASE WHEN freshness LIKE '3.%' THEN '1' ELSE '0' END) || SUBSTR(freshness, 2)
    WHERE freshness <> '';

ALTER TABLE charges ADD COLUMN amount_released BIGINT NOT NULL DEFAULT 0 CHECK (amount_released >= 0);
ALTER TABLE charges ADD COLUMN given_up BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE charges ADD COLUMN dispute_currency TEXT;
ALTER TABLE charges ADD COLUMN lost_currency TEXT;
ALTER TABLE charges ADD COLUMN releases TEXT NOT NULL DEFAULT 'unknown'
    CHECK (releases IN ('unknown', 'apart_by_version', 'counted', 'apart'));

ALTER TABLE disputes ADD COLUMN won_at TIMESTAMPTZ;
ALTER TABLE disputes ADD COLUMN lost_at TIMESTAMPTZ;
ALTER TABLE disputes ADD COLUMN prevented_at TIMESTAMPTZ;
ALTER TABLE disputes ADD COLUMN inquiry_closed_at TIMESTAMPTZ;
ALTER TABLE disputes ADD COLUMN movement_currency TEXT;
UPDATE disputes SET won_at = closed_at WHERE stripe_status = 'won';
UPDATE disputes SET lost_at = closed_at WHERE stripe_status = 'lost';
UPDATE disputes SET prevented_at = closed_at WHERE stripe_status = 'prevented';
UPDATE disputes SET inquiry_closed_at = closed_at WHERE stripe_status = 'warning_closed';

-- A user whom nothing concerns has no row, whatever came first.
ALTER TABLE bans ADD COLUMN disputes BIGINT NOT NULL DEFAULT 0 CHECK (disputes >= 0);
