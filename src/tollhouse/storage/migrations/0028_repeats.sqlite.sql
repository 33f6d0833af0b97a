-- Idempotency-Keys that calls came under: which call has each, and its answer, sealed, once there is one.

CREATE TABLE repeats (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    key_id TEXT NOT NULL,
    call TEXT NOT NULL,
    asked TEXT NOT NULL,
    media TEXT,
    answer BLOB,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE INDEX repeats_by_end ON repeats (expires_at);
CREATE INDEX repeats_by_call ON repeats (call);

CREATE TRIGGER tenants_unrepeated AFTER DELETE ON tenants
BEGIN DELETE FROM repeats WHERE tenant = old.id; END;
