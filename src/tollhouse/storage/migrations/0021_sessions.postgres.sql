-- Who is logged on to the console, by the digest of what their browser shows; links that let an operator log on once;
-- and logins that went to a provider and are not back.

CREATE TABLE sessions (
    id text COLLATE "C" PRIMARY KEY,
    digest text COLLATE "C" NOT NULL UNIQUE,
    name text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    role text COLLATE "C" NOT NULL,
    place text COLLATE "C" NOT NULL,
    operations text COLLATE "C" NOT NULL,
    given text COLLATE "C" NOT NULL,
    held text COLLATE "C" NOT NULL,
    issuer text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    rules text COLLATE "C" NOT NULL,
    peer text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    last_used_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    ended_at bigint,
    ended_by text COLLATE "C"
);

CREATE TABLE claims (
    digest text COLLATE "C" PRIMARY KEY,
    user_id text COLLATE "C" NOT NULL,
    role text COLLATE "C" NOT NULL,
    place text COLLATE "C" NOT NULL,
    operations text COLLATE "C" NOT NULL,
    made_by text COLLATE "C" NOT NULL,
    expires_at bigint NOT NULL
);

CREATE TABLE logins (
    state text COLLATE "C" PRIMARY KEY,
    browser text COLLATE "C" NOT NULL,
    issuer text COLLATE "C" NOT NULL,
    previous text COLLATE "C" NOT NULL,
    expires_at bigint NOT NULL
);
