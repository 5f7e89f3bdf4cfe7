-- Events that were delivered before are begun together once; only after that, each alone.
ALTER TABLE started ADD COLUMN alone BOOLEAN NOT NULL DEFAULT TRUE;
