-- Who is refused first when there is too much to do.

ALTER TABLE keys ADD COLUMN priority TEXT NOT NULL DEFAULT 'normal' CHECK (priority IN ('low', 'normal', 'high'));

CREATE TRIGGER keys_prioritized AFTER UPDATE OF priority ON keys
BEGIN UPDATE control SET value = value + 1 WHERE name = 'revision'; END;
