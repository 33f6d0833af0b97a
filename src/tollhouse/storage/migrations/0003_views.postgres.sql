-- What a tenant calls models by: a name of its own for a public one, or, without one, a name it does not see.

CREATE TABLE views (
    tenant text COLLATE "C" NOT NULL REFERENCES tenants (id),
    name text COLLATE "C" NOT NULL,
    model text,
    PRIMARY KEY (tenant, name)
);

CREATE TRIGGER views_changed AFTER INSERT OR UPDATE OR DELETE ON views
FOR EACH ROW EXECUTE FUNCTION raise_revision();
