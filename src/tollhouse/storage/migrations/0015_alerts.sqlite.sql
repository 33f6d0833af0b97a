-- At which parts of a limit somebody wants to hear, and what there was to tell: once for each part in each window,
-- found in the same transaction that spends.

ALTER TABLE accounts ADD COLUMN alerts TEXT;

CREATE TABLE alerts (
    account INTEGER NOT NULL REFERENCES accounts (id),
    started_at INTEGER NOT NULL,
    limit_nanos INTEGER NOT NULL,
    percent INTEGER NOT NULL,
    spent INTEGER NOT NULL,
    fired_at INTEGER NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    due_at INTEGER,
    PRIMARY KEY (account, started_at, limit_nanos, percent)
) STRICT, WITHOUT ROWID;

CREATE INDEX alerts_due ON alerts (due_at) WHERE due_at IS NOT NULL;

CREATE TRIGGER accounts_spent AFTER UPDATE OF spent ON accounts
WHEN NEW.alerts IS NOT NULL AND NEW.spent > OLD.spent AND NEW.has_budget > 0 AND NEW.limit_nanos > 0
BEGIN
    INSERT INTO alerts (account, started_at, limit_nanos, percent, spent, fired_at, due_at)
    SELECT NEW.id, COALESCE(NEW.period_start, 0), NEW.limit_nanos, part.value, NEW.spent,
        CAST(unixepoch('subsec') * 1000 AS INTEGER), 0
    FROM json_each(NEW.alerts) AS part
    WHERE NEW.spent * 100 >= NEW.limit_nanos * part.value
    ON CONFLICT DO NOTHING;
END;
