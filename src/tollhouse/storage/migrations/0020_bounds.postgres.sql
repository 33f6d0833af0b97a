-- Where a key may be used from and what for, as JSON lists; and when it was rotated, and its old secret last used since.

ALTER TABLE keys ADD COLUMN networks text;
ALTER TABLE keys ADD COLUMN purposes text;
ALTER TABLE keys ADD COLUMN rotated_at bigint;
ALTER TABLE keys ADD COLUMN previous_used_at bigint;

CREATE TRIGGER keys_confined AFTER UPDATE OF networks, purposes ON keys
FOR EACH ROW EXECUTE FUNCTION raise_revision();
