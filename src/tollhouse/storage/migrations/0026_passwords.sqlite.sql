-- Passwords of users, as argon2id hashes under a pepper; and what roles they hold is part of the snapshot, for who
-- may only read spends nothing by a token either.

CREATE TABLE passwords (
    user_id TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    password TEXT NOT NULL,
    pepper INTEGER NOT NULL,
    set_at INTEGER NOT NULL,
    used_at INTEGER
) STRICT;

CREATE TRIGGER memberships_added AFTER INSERT ON memberships
BEGIN UPDATE control SET value = value + 1 WHERE name = 'revision'; END;
CREATE TRIGGER memberships_changed AFTER UPDATE ON memberships
BEGIN UPDATE control SET value = value + 1 WHERE name = 'revision'; END;
CREATE TRIGGER memberships_removed AFTER DELETE ON memberships
BEGIN UPDATE control SET value = value + 1 WHERE name = 'revision'; END;
