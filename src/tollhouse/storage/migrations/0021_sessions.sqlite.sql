-- Who is logged on to the console, by the digest of what their browser shows; links that let an operator log on once;
-- and logins that went to a provider and are not back.

CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    user_id TEXT NOT NULL,
    role TEXT NOT NULL,
    place TEXT NOT NULL,
    operations TEXT NOT NULL,
    given TEXT NOT NULL,
    held TEXT NOT NULL,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    rules TEXT NOT NULL,
    peer TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ended_at INTEGER,
    ended_by TEXT
) STRICT;

CREATE TABLE claims (
    digest TEXT PRIMARY KEY,
    user_id TEXT NOT NULL,
    role TEXT NOT NULL,
    place TEXT NOT NULL,
    operations TEXT NOT NULL,
    made_by TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE TABLE logins (
    state TEXT PRIMARY KEY,
    browser TEXT NOT NULL,
    issuer TEXT NOT NULL,
    previous TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
