-- What price books would change: each change waits until somebody approves or rejects it, by a token of its own, so
-- that it is done once.

CREATE TABLE proposals (
    id TEXT PRIMARY KEY,
    book TEXT NOT NULL,
    version TEXT NOT NULL,
    made_by TEXT NOT NULL,
    made_at INTEGER NOT NULL,
    gone TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE price_changes (
    proposal TEXT NOT NULL REFERENCES proposals (id),
    number INTEGER NOT NULL,
    target TEXT NOT NULL,
    old_price INTEGER,
    rates TEXT NOT NULL,
    is_jump INTEGER NOT NULL,
    verdict TEXT CHECK (verdict IN ('approved', 'rejected')),
    decided_by TEXT,
    decided_at INTEGER,
    token TEXT,
    PRIMARY KEY (proposal, number)
) STRICT, WITHOUT ROWID;
