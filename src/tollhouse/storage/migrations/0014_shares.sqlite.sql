-- Further accounts of a call beside its four: budgets narrowed to a provider or a model. Keys without a
-- budget, what a body may say of its user, and which end user it did name.

CREATE TABLE narrowings (
    account INTEGER PRIMARY KEY REFERENCES accounts (id),
    owner TEXT NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL
) STRICT;

-- `target` says whose answer is spent there: any, `PROVIDER:*`, or one.
CREATE TABLE shares (
    call TEXT NOT NULL,
    account INTEGER NOT NULL,
    target TEXT NOT NULL,
    owed INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (call, account)
) STRICT, WITHOUT ROWID;

ALTER TABLE keys ADD COLUMN is_exempt INTEGER NOT NULL DEFAULT 0;
ALTER TABLE keys ADD COLUMN foreign_users TEXT CHECK (foreign_users IN ('known', 'refuse', 'tolerate'));
ALTER TABLE calls ADD COLUMN end_user TEXT;

CREATE TRIGGER keys_bound AFTER UPDATE OF is_exempt, foreign_users ON keys
BEGIN UPDATE control SET value = value + 1 WHERE name = 'revision'; END;
CREATE TRIGGER users_added AFTER INSERT ON users
BEGIN UPDATE control SET value = value + 1 WHERE name = 'revision'; END;
CREATE TRIGGER narrowings_added AFTER INSERT ON narrowings
BEGIN UPDATE control SET value = value + 1 WHERE name = 'revision'; END;
