-- Callers by tokens of identity providers: the tenants and projects that they may belong to are part of the
-- snapshot, and so is what was taken back. Without an `id`, all tokens about a subject from before `at`.

CREATE TABLE revocations (
    issuer text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    until bigint NOT NULL,
    PRIMARY KEY (issuer, id, subject)
);

CREATE TRIGGER revocations_changed AFTER INSERT OR UPDATE ON revocations
FOR EACH ROW EXECUTE FUNCTION raise_revision();
CREATE TRIGGER tenants_added AFTER INSERT ON tenants
FOR EACH ROW EXECUTE FUNCTION raise_revision();
CREATE TRIGGER projects_altered AFTER INSERT OR DELETE ON projects
FOR EACH ROW EXECUTE FUNCTION raise_revision();
CREATE TRIGGER users_removed AFTER DELETE ON users
FOR EACH ROW EXECUTE FUNCTION raise_revision();
