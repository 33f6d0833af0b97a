-- What one conversation may come to, of keys that have such a ceiling.

ALTER TABLE keys ADD COLUMN conversation_limit bigint CHECK (conversation_limit >= 0);

CREATE TRIGGER keys_ceiled AFTER UPDATE OF conversation_limit ON keys
FOR EACH ROW EXECUTE FUNCTION raise_revision();
