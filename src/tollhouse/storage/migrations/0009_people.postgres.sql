-- Who holds which role where, the tokens that were minted for the admin listener, how often each thing was
-- changed, and what was answered to a request that may come again.

CREATE TABLE memberships (
    id text COLLATE "C" PRIMARY KEY,
    user_id text COLLATE "C" NOT NULL REFERENCES users (id),
    place text COLLATE "C" NOT NULL,
    role text NOT NULL,
    created_at bigint NOT NULL,
    UNIQUE (user_id, place)
);

CREATE INDEX memberships_of_places ON memberships (place);

CREATE TABLE admin_tokens (
    id text COLLATE "C" PRIMARY KEY,
    user_id text COLLATE "C" NOT NULL,
    role text NOT NULL,
    place text COLLATE "C" NOT NULL,
    operations text NOT NULL,
    minted_by text NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    last_used_at bigint,
    revoked_at bigint
);

-- Of two acts on one version, one can add the next: the other is taken back whole.
CREATE TABLE versions (
    subject text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    made_at bigint NOT NULL,
    PRIMARY KEY (subject, version)
);

CREATE TABLE replies (
    id text COLLATE "C" PRIMARY KEY,
    asked text NOT NULL,
    status bigint,
    body text,
    created_at bigint NOT NULL
);

CREATE INDEX replies_by_age ON replies (created_at);
