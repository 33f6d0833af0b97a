-- Who may pass, what they owe, and what was anchored. Times are milliseconds since the epoch,
-- amounts nano-dollars, rates pico-dollars per token: whole numbers all.

CREATE TABLE control (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT;
INSERT INTO control VALUES ('revision', 1);

CREATE TABLE tenants (
    id TEXT PRIMARY KEY,
    is_disabled INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE projects (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL REFERENCES tenants (id),
    is_disabled INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE users (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL REFERENCES tenants (id),
    is_virtual INTEGER NOT NULL DEFAULT 0,
    is_disabled INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE accounts (
    id INTEGER PRIMARY KEY,
    owner TEXT NOT NULL UNIQUE,
    has_budget INTEGER NOT NULL DEFAULT 0,
    limit_nanos INTEGER,
    spent INTEGER NOT NULL DEFAULT 0,
    held INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE keys (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL REFERENCES tenants (id),
    project TEXT NOT NULL REFERENCES projects (id),
    user_id TEXT NOT NULL REFERENCES users (id),
    name TEXT NOT NULL,
    tail TEXT NOT NULL,
    pepper INTEGER NOT NULL,
    digest TEXT NOT NULL,
    previous_pepper INTEGER,
    previous_digest TEXT,
    previous_until INTEGER,
    models TEXT NOT NULL DEFAULT '[]',
    is_disabled INTEGER NOT NULL DEFAULT 0,
    expires_at INTEGER,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER
) STRICT;

CREATE TABLE prices (
    id INTEGER PRIMARY KEY,
    model TEXT NOT NULL,
    input INTEGER NOT NULL CHECK (input >= 0),
    output INTEGER NOT NULL CHECK (output >= 0),
    cache_read INTEGER NOT NULL CHECK (cache_read >= 0),
    cache_write INTEGER NOT NULL CHECK (cache_write >= 0),
    effective_at INTEGER NOT NULL,
    source TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (model, effective_at)
) STRICT;

-- One row per call that was admitted: the hold, and once settled the usage row. The ids begin
-- with the time, so the newest rows lie together at the end.
CREATE TABLE calls (
    id TEXT PRIMARY KEY,
    request_id TEXT NOT NULL,
    owner TEXT NOT NULL,
    tenant TEXT NOT NULL,
    project TEXT NOT NULL,
    user_id TEXT NOT NULL,
    key_id TEXT NOT NULL,
    tenant_account INTEGER NOT NULL,
    project_account INTEGER NOT NULL,
    user_account INTEGER NOT NULL,
    key_account INTEGER NOT NULL,
    route TEXT NOT NULL,
    model TEXT NOT NULL,
    held INTEGER NOT NULL CHECK (held >= 0),
    state TEXT NOT NULL CHECK (state IN ('held', 'unknown', 'settled')),
    created_at INTEGER NOT NULL,
    settled_at INTEGER,
    outcome TEXT,
    owed INTEGER CHECK (owed >= 0),
    input INTEGER,
    output INTEGER,
    cache_read INTEGER,
    cache_write INTEGER,
    source TEXT,
    target TEXT,
    price INTEGER,
    anomaly TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX calls_open ON calls (state, owner) WHERE state <> 'settled';

-- Attempts that failed before another one answered, or before none did.
CREATE TABLE attempts (
    call TEXT NOT NULL,
    number INTEGER NOT NULL,
    target TEXT NOT NULL,
    outcome TEXT NOT NULL,
    status INTEGER,
    PRIMARY KEY (call, number)
) STRICT, WITHOUT ROWID;

-- A process that holds money, and until when it is believed to live.
CREATE TABLE owners (
    id TEXT PRIMARY KEY,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    lease_until INTEGER NOT NULL
) STRICT;

CREATE TABLE audit_heads (
    writer TEXT PRIMARY KEY,
    seq INTEGER NOT NULL,
    hash TEXT NOT NULL,
    anchored_at INTEGER NOT NULL
) STRICT;

-- Whatever a request is decided on raises the revision, whoever writes it: snapshots follow it.
CREATE TRIGGER tenants_changed AFTER UPDATE OF is_disabled ON tenants
BEGIN UPDATE control SET value = value + 1 WHERE name = 'revision'; END;
CREATE TRIGGER projects_changed AFTER UPDATE OF is_disabled ON projects
BEGIN UPDATE control SET value = value + 1 WHERE name = 'revision'; END;
CREATE TRIGGER users_changed AFTER UPDATE OF is_disabled ON users
BEGIN UPDATE control SET value = value + 1 WHERE name = 'revision'; END;
CREATE TRIGGER keys_added AFTER INSERT ON keys
BEGIN UPDATE control SET value = value + 1 WHERE name = 'revision'; END;
CREATE TRIGGER keys_removed AFTER DELETE ON keys
BEGIN UPDATE control SET value = value + 1 WHERE name = 'revision'; END;
CREATE TRIGGER keys_changed AFTER UPDATE OF
    pepper, digest, previous_pepper, previous_digest, previous_until, models, is_disabled, expires_at, project, user_id
ON keys
BEGIN UPDATE control SET value = value + 1 WHERE name = 'revision'; END;
CREATE TRIGGER prices_added AFTER INSERT ON prices
BEGIN UPDATE control SET value = value + 1 WHERE name = 'revision'; END;
CREATE TRIGGER prices_removed AFTER DELETE ON prices
BEGIN UPDATE control SET value = value + 1 WHERE name = 'revision'; END;
CREATE TRIGGER prices_changed AFTER UPDATE ON prices
BEGIN UPDATE control SET value = value + 1 WHERE name = 'revision'; END;
