-- What the keys of a user may be granted at most: a list of names and patterns; without one, anything.

ALTER TABLE users ADD COLUMN models TEXT;

CREATE TRIGGER users_allowed AFTER UPDATE OF models ON users
BEGIN UPDATE control SET value = value + 1 WHERE name = 'revision'; END;
