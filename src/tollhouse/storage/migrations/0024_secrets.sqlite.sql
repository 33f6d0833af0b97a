-- Secrets of providers, each sealed under a key of its own, and that wrapped by one that stands in no store.

CREATE TABLE secrets (
    name TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    set_at INTEGER NOT NULL,
    key_version INTEGER NOT NULL,
    wrapped TEXT NOT NULL,
    sealed TEXT NOT NULL
) STRICT;

CREATE TRIGGER secrets_added AFTER INSERT ON secrets
BEGIN UPDATE control SET value = value + 1 WHERE name = 'revision'; END;
CREATE TRIGGER secrets_changed AFTER UPDATE ON secrets
BEGIN UPDATE control SET value = value + 1 WHERE name = 'revision'; END;
CREATE TRIGGER secrets_removed AFTER DELETE ON secrets
BEGIN UPDATE control SET value = value + 1 WHERE name = 'revision'; END;
