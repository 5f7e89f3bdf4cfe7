-- What people and programs did, by time: also what they did to an event, such as discarding or erasing it.
DROP INDEX audit_of_acts;
CREATE INDEX audit_of_acts ON audit (at) WHERE event_id IS NULL OR actor <> 'stripe';
