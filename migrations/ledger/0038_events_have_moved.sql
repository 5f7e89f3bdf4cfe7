-- Everything in these tables was moved before this ran.
DROP TABLE events_before;
DROP TABLE bodies_before;
DROP TABLE dead_letter_names_before;

-- What an event moved.
DROP INDEX audit_by_event;
CREATE INDEX audit_by_event ON audit (event_hash) WHERE event_hash IS NOT NULL;
