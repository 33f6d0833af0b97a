-- What was told of usage that happened outside: each event once, whoever tells it again. Its call is a row like any
-- other; these rows stay when that is folded into its day.

CREATE TABLE outside_imports (
    id text COLLATE "C" PRIMARY KEY,
    tenant text COLLATE "C" NOT NULL,
    source text COLLATE "C" NOT NULL,
    made_by text NOT NULL,
    made_at bigint NOT NULL,
    events bigint NOT NULL,
    owed bigint NOT NULL
);

-- `said` is a hash of all that the event said: the same id with something else is no repetition.
CREATE TABLE outside_events (
    tenant text COLLATE "C" NOT NULL,
    source text COLLATE "C" NOT NULL,
    event text COLLATE "C" NOT NULL,
    said text NOT NULL,
    call text COLLATE "C" NOT NULL,
    import text NOT NULL,
    PRIMARY KEY (tenant, source, event)
);
