-- What the keys of a user may be granted at most: a list of names and patterns; without one, anything.

ALTER TABLE users ADD COLUMN models text;

CREATE TRIGGER users_allowed AFTER UPDATE OF models ON users
FOR EACH ROW EXECUTE FUNCTION raise_revision();
