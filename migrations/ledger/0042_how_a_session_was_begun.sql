-- Whether a session was begun by a second factor, too. One that was not ends where its person's roles come to need one. Of
-- sessions that are open now nobody knows: whoever needs a second factor logs in once more.
ALTER TABLE sessions ADD COLUMN second_factor BOOLEAN NOT NULL DEFAULT FALSE;
