-- Which key of BODY_KEYS_FILE seals a row's bytes; NULL where they are stored as they are.
ALTER TABLE segments ADD COLUMN sealed_by TEXT;
ALTER TABLE bodies ADD COLUMN sealed_by TEXT;
ALTER TABLE replay_items ADD COLUMN sealed_by TEXT;
ALTER TABLE evidence_files ADD COLUMN sealed_by TEXT;

-- How many rows a key seals; and whether a key is missing, asked at each start. Costs nothing where no key is set.
CREATE INDEX segments_by_key ON segments (sealed_by) WHERE sealed_by IS NOT NULL;
CREATE INDEX bodies_by_key ON bodies (sealed_by) WHERE sealed_by IS NOT NULL;
CREATE INDEX replay_items_by_key ON replay_items (sealed_by) WHERE sealed_by IS NOT NULL;
CREATE INDEX evidence_files_by_key ON evidence_files (sealed_by) WHERE sealed_by IS NOT NULL;
