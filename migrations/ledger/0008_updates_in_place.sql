-- A status changes often, and an index whose condition looks at it must be written with every change. When an
-- object was made is said by its first report, and never changes.
DROP INDEX payments_unknown;
CREATE INDEX payments_unknown ON payments (first_event_at) WHERE created_at IS NULL;
DROP INDEX charges_unknown;
CREATE INDEX charges_unknown ON charges (first_event_at) WHERE created_at IS NULL;
