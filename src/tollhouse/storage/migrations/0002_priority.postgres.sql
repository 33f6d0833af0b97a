-- Who is refused first when there is too much to do.

ALTER TABLE keys ADD COLUMN priority text NOT NULL DEFAULT 'normal' CHECK (priority IN ('low', 'normal', 'high'));

CREATE TRIGGER keys_prioritized AFTER UPDATE OF priority ON keys
FOR EACH ROW EXECUTE FUNCTION raise_revision();
