-- What was told of usage that happened outside: each event once, whoever tells it again. Its call is a row like any
-- other; these rows stay when that is folded into its day.

CREATE TABLE outside_imports (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    source TEXT NOT NULL,
    made_by TEXT NOT NULL,
    made_at INTEGER NOT NULL,
    events INTEGER NOT NULL,
    owed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- `said` is a hash of all that the event said: the same id with something else is no repetition.
CREATE TABLE outside_events (
    tenant TEXT NOT NULL,
    source TEXT NOT NULL,
    event TEXT NOT NULL,
    said TEXT NOT NULL,
    call TEXT NOT NULL,
    import TEXT NOT NULL,
    PRIMARY KEY (tenant, source, event)
) STRICT, WITHOUT ROWID;
