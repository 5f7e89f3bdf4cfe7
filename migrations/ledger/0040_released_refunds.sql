-- Which refund gave back what was authorised and never captured, though its reason does not say so: its id, or `*` where
-- nothing was captured, so that each did.
ALTER TABLE charges ADD COLUMN released_refund TEXT;
-- Whether a charge's payment says that money came in, though no report of the charge shows a capture.
ALTER TABLE charges ADD COLUMN payment_received BOOLEAN NOT NULL DEFAULT FALSE;
-- Figures and reconciliation leave these refunds out. Hardly any charge has one.
CREATE INDEX charges_with_release ON charges (id, account, livemode) WHERE released_refund IS NOT NULL;
