-- Users who are made when a token of theirs comes first: by which issuer. And who was taken away by an operator, so
-- that the next token does not bring them back.

ALTER TABLE users ADD COLUMN made_by TEXT;

CREATE INDEX users_made_by ON users (made_by, created_at) WHERE made_by IS NOT NULL;

CREATE TABLE users_gone (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;

CREATE TRIGGER users_went AFTER DELETE ON users WHEN old.is_virtual = 0
BEGIN
    INSERT INTO users_gone (id, tenant, at) VALUES (old.id, old.tenant, CAST(unixepoch('subsec') * 1000 AS INTEGER))
    ON CONFLICT (id) DO UPDATE SET at = excluded.at;
END;
CREATE TRIGGER users_came AFTER INSERT ON users
BEGIN DELETE FROM users_gone WHERE id = new.id; END;
CREATE TRIGGER tenants_went AFTER DELETE ON tenants
BEGIN DELETE FROM users_gone WHERE tenant = old.id; END;
