-- Keys that another gateway gave out: an HMAC of the digest that it kept, by which they are found until they are rotated.

ALTER TABLE keys ADD COLUMN foreign_pepper INTEGER;
ALTER TABLE keys ADD COLUMN foreign_digest TEXT;

CREATE UNIQUE INDEX keys_by_foreign_digest ON keys (foreign_digest) WHERE foreign_digest IS NOT NULL;

CREATE TRIGGER keys_imported AFTER UPDATE OF foreign_digest ON keys
BEGIN UPDATE control SET value = value + 1 WHERE name = 'revision'; END;
