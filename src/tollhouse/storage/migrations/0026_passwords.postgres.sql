-- Passwords of users, as argon2id hashes under a pepper; and what roles they hold is part of the snapshot, for who
-- may only read spends nothing by a token either.

CREATE TABLE passwords (
    user_id text COLLATE "C" PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    password text COLLATE "C" NOT NULL,
    pepper integer NOT NULL,
    set_at bigint NOT NULL,
    used_at bigint
);

CREATE TRIGGER memberships_altered AFTER INSERT OR UPDATE OR DELETE ON memberships
FOR EACH ROW EXECUTE FUNCTION raise_revision();
