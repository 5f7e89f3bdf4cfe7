-- Payments that failed with a code are found among those of which an attempt failed at all, the newest first.
CREATE INDEX payments_failed_by_time ON payments ((COALESCE(created_at, first_event_at))) WHERE failed_attempts > 0;
