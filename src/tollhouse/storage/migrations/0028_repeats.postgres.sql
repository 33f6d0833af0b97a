-- Idempotency-Keys that calls came under: which call has each, and its answer, sealed, once there is one.

CREATE TABLE repeats (
    id text COLLATE "C" PRIMARY KEY,
    tenant text COLLATE "C" NOT NULL,
    key_id text COLLATE "C" NOT NULL,
    call text COLLATE "C" NOT NULL,
    asked text NOT NULL,
    media text,
    answer bytea,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL
);

CREATE INDEX repeats_by_end ON repeats (expires_at);
CREATE INDEX repeats_by_call ON repeats (call);

CREATE FUNCTION forget_repeats() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM repeats WHERE tenant = OLD.id;
    RETURN NULL;
END
$$;

CREATE TRIGGER tenants_unrepeated AFTER DELETE ON tenants
FOR EACH ROW EXECUTE FUNCTION forget_repeats();
