-- What one conversation may come to, of keys that have such a ceiling.

ALTER TABLE keys ADD COLUMN conversation_limit INTEGER CHECK (conversation_limit >= 0);

CREATE TRIGGER keys_ceiled AFTER UPDATE OF conversation_limit ON keys
BEGIN UPDATE control SET value = value + 1 WHERE name = 'revision'; END;
