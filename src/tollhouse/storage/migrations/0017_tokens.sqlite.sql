-- Callers by tokens of identity providers: the tenants and projects that they may belong to are part of the
-- snapshot, and so is what was taken back. Without an `id`, all tokens about a subject from before `at`.

CREATE TABLE revocations (
    issuer TEXT NOT NULL,
    id TEXT NOT NULL,
    subject TEXT NOT NULL,
    at INTEGER NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (issuer, id, subject)
) STRICT;

CREATE TRIGGER revocations_added AFTER INSERT ON revocations
BEGIN UPDATE control SET value = value + 1 WHERE name = 'revision'; END;
CREATE TRIGGER revocations_changed AFTER UPDATE ON revocations
BEGIN UPDATE control SET value = value + 1 WHERE name = 'revision'; END;
CREATE TRIGGER tenants_added AFTER INSERT ON tenants
BEGIN UPDATE control SET value = value + 1 WHERE name = 'revision'; END;
CREATE TRIGGER projects_added AFTER INSERT ON projects
BEGIN UPDATE control SET value = value + 1 WHERE name = 'revision'; END;
CREATE TRIGGER projects_removed AFTER DELETE ON projects
BEGIN UPDATE control SET value = value + 1 WHERE name = 'revision'; END;
CREATE TRIGGER users_removed AFTER DELETE ON users
BEGIN UPDATE control SET value = value + 1 WHERE name = 'revision'; END;
