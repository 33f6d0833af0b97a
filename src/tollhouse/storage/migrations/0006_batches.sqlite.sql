-- Batches that run at providers: whose they are, what is held for them, and how they were seen last.

ALTER TABLE files ADD COLUMN load TEXT;
ALTER TABLE files ADD COLUMN answers_as TEXT;

CREATE TABLE batches (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL REFERENCES projects (id),
    provider TEXT NOT NULL,
    known_as TEXT NOT NULL,
    call TEXT NOT NULL,
    file TEXT NOT NULL,
    model TEXT NOT NULL,
    target TEXT NOT NULL,
    held INTEGER NOT NULL CHECK (held >= 0),
    price TEXT,
    told TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    looked_at INTEGER NOT NULL,
    settled_at INTEGER
) STRICT;

CREATE INDEX batches_of_projects ON batches (project, id);
CREATE INDEX batches_open ON batches (looked_at) WHERE settled_at IS NULL;
CREATE UNIQUE INDEX batches_held ON batches (call);
