-- Who holds which role where, the tokens that were minted for the admin listener, how often each thing was
-- changed, and what was answered to a request that may come again.

CREATE TABLE memberships (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id),
    place TEXT NOT NULL,
    role TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (user_id, place)
) STRICT;

CREATE INDEX memberships_of_places ON memberships (place);

CREATE TABLE admin_tokens (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL,
    role TEXT NOT NULL,
    place TEXT NOT NULL,
    operations TEXT NOT NULL,
    minted_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    last_used_at INTEGER,
    revoked_at INTEGER
) STRICT;

-- Of two acts on one version, one can add the next: the other is taken back whole.
CREATE TABLE versions (
    subject TEXT NOT NULL,
    version INTEGER NOT NULL,
    made_at INTEGER NOT NULL,
    PRIMARY KEY (subject, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE replies (
    id TEXT PRIMARY KEY,
    asked TEXT NOT NULL,
    status INTEGER,
    body TEXT,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX replies_by_age ON replies (created_at);
