-- Lists that people ask for on the command line: charges and customers by their own time, the payments of a user,
-- and an invoice by its number. None of these columns changes once it is set.
CREATE INDEX charges_by_time ON charges ((COALESCE(created_at, first_event_at)));
CREATE INDEX customers_by_time ON customers ((COALESCE(created_at, first_event_at)));
CREATE INDEX payments_of_user ON payments (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX invoices_by_number ON invoices (number) WHERE number IS NOT NULL;
