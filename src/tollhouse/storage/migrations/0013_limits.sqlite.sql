-- What one key, user, project, tenant, model or route may take, where it is not what the settings say for each.

CREATE TABLE limits (
    subject TEXT NOT NULL,
    measure TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount >= 0),
    PRIMARY KEY (subject, measure)
) STRICT;

CREATE TRIGGER limits_added AFTER INSERT ON limits
BEGIN UPDATE control SET value = value + 1 WHERE name = 'revision'; END;
CREATE TRIGGER limits_changed AFTER UPDATE ON limits
BEGIN UPDATE control SET value = value + 1 WHERE name = 'revision'; END;
CREATE TRIGGER limits_removed AFTER DELETE ON limits
BEGIN UPDATE control SET value = value + 1 WHERE name = 'revision'; END;
