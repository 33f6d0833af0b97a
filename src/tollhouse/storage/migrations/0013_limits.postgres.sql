-- What one key, user, project, tenant, model or route may take, where it is not what the settings say for each.

CREATE TABLE limits (
    subject text COLLATE "C" NOT NULL,
    measure text COLLATE "C" NOT NULL,
    amount bigint NOT NULL CHECK (amount >= 0),
    PRIMARY KEY (subject, measure)
);

CREATE TRIGGER limits_changed AFTER INSERT OR UPDATE OR DELETE ON limits
FOR EACH ROW EXECUTE FUNCTION raise_revision();
