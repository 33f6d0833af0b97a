-- Secrets of providers, each sealed under a key of its own, and that wrapped by one that stands in no store.

CREATE TABLE secrets (
    name text COLLATE "C" PRIMARY KEY,
    version bigint NOT NULL,
    set_at bigint NOT NULL,
    key_version bigint NOT NULL,
    wrapped text NOT NULL,
    sealed text NOT NULL
);

CREATE TRIGGER secrets_changed AFTER INSERT OR UPDATE OR DELETE ON secrets
FOR EACH ROW EXECUTE FUNCTION raise_revision();
