-- Whose act made the clock ask for an operation: that person is not the second one who approves it.
ALTER TABLE operations ADD COLUMN caused_by TEXT;
