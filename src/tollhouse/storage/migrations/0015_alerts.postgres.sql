-- At which parts of a limit somebody wants to hear, and what there was to tell: once for each part in each window,
-- found in the same transaction that spends.

ALTER TABLE accounts ADD COLUMN alerts text;

CREATE TABLE alerts (
    account bigint NOT NULL REFERENCES accounts (id),
    started_at bigint NOT NULL,
    limit_nanos bigint NOT NULL,
    percent bigint NOT NULL,
    spent bigint NOT NULL,
    fired_at bigint NOT NULL,
    tries bigint NOT NULL DEFAULT 0,
    due_at bigint,
    PRIMARY KEY (account, started_at, limit_nanos, percent)
);

CREATE INDEX alerts_due ON alerts (due_at) WHERE due_at IS NOT NULL;

CREATE FUNCTION note_alerts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO alerts (account, started_at, limit_nanos, percent, spent, fired_at, due_at)
    SELECT NEW.id, COALESCE(NEW.period_start, 0), NEW.limit_nanos, part.value::bigint, NEW.spent,
        (extract(epoch FROM clock_timestamp()) * 1000)::bigint, 0
    FROM jsonb_array_elements_text(NEW.alerts::jsonb) AS part
    WHERE NEW.spent::numeric * 100 >= NEW.limit_nanos::numeric * part.value::numeric
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;

CREATE TRIGGER accounts_spent AFTER UPDATE OF spent ON accounts FOR EACH ROW
WHEN (NEW.alerts IS NOT NULL AND NEW.spent > OLD.spent AND NEW.has_budget > 0 AND NEW.limit_nanos > 0)
EXECUTE FUNCTION note_alerts();
