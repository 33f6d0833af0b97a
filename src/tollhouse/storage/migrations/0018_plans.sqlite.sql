-- Budgets that are given to many users, to each its own; and what people call things and keep beside them,
-- on which nothing is decided.

CREATE TABLE plans (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL REFERENCES tenants (id),
    name TEXT,
    limit_nanos INTEGER CHECK (limit_nanos >= 0),
    period TEXT,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;

ALTER TABLE users ADD COLUMN plan TEXT REFERENCES plans (id);
ALTER TABLE users ADD COLUMN alias TEXT;
ALTER TABLE users ADD COLUMN notes TEXT NOT NULL DEFAULT '{}';
ALTER TABLE users ADD COLUMN changed_at INTEGER;
ALTER TABLE keys ADD COLUMN notes TEXT NOT NULL DEFAULT '{}';
