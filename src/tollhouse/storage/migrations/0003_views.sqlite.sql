-- What a tenant calls models by: a name of its own for a public one, or, without one, a name it does not see.

CREATE TABLE views (
    tenant TEXT NOT NULL REFERENCES tenants (id),
    name TEXT NOT NULL,
    model TEXT,
    PRIMARY KEY (tenant, name)
) STRICT;

CREATE TRIGGER views_added AFTER INSERT ON views
BEGIN UPDATE control SET value = value + 1 WHERE name = 'revision'; END;
CREATE TRIGGER views_changed AFTER UPDATE ON views
BEGIN UPDATE control SET value = value + 1 WHERE name = 'revision'; END;
CREATE TRIGGER views_removed AFTER DELETE ON views
BEGIN UPDATE control SET value = value + 1 WHERE name = 'revision'; END;
