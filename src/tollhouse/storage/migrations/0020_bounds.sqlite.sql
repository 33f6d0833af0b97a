-- Where a key may be used from and what for, as JSON lists; and when it was rotated, and its old secret last used since.

ALTER TABLE keys ADD COLUMN networks TEXT;
ALTER TABLE keys ADD COLUMN purposes TEXT;
ALTER TABLE keys ADD COLUMN rotated_at INTEGER;
ALTER TABLE keys ADD COLUMN previous_used_at INTEGER;

CREATE TRIGGER keys_confined AFTER UPDATE OF networks, purposes ON keys
BEGIN UPDATE control SET value = value + 1 WHERE name = 'revision'; END;
