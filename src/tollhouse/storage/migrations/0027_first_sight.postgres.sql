-- Users who are made when a token of theirs comes first: by which issuer. And who was taken away by an operator, so
-- that the next token does not bring them back.

ALTER TABLE users ADD COLUMN made_by text COLLATE "C";

CREATE INDEX users_made_by ON users (made_by, created_at) WHERE made_by IS NOT NULL;

CREATE TABLE users_gone (
    id text COLLATE "C" PRIMARY KEY,
    tenant text COLLATE "C" NOT NULL,
    at bigint NOT NULL
);

CREATE FUNCTION note_gone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'tenants' THEN
        DELETE FROM users_gone WHERE tenant = OLD.id;
    ELSIF TG_OP = 'INSERT' THEN
        DELETE FROM users_gone WHERE id = NEW.id;
    ELSIF OLD.is_virtual = 0 THEN
        INSERT INTO users_gone (id, tenant, at)
        VALUES (OLD.id, OLD.tenant, (EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::bigint)
        ON CONFLICT (id) DO UPDATE SET at = excluded.at;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER users_came_or_went AFTER INSERT OR DELETE ON users
FOR EACH ROW EXECUTE FUNCTION note_gone();
CREATE TRIGGER tenants_went AFTER DELETE ON tenants
FOR EACH ROW EXECUTE FUNCTION note_gone();
