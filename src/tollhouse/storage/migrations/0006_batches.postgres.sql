-- Batches that run at providers: whose they are, what is held for them, and how they were seen last.

ALTER TABLE files ADD COLUMN load text;
ALTER TABLE files ADD COLUMN answers_as text;

CREATE TABLE batches (
    id text COLLATE "C" PRIMARY KEY,
    project text COLLATE "C" NOT NULL REFERENCES projects (id),
    provider text NOT NULL,
    known_as text NOT NULL,
    call text COLLATE "C" NOT NULL,
    file text NOT NULL,
    model text NOT NULL,
    target text NOT NULL,
    held bigint NOT NULL CHECK (held >= 0),
    price text,
    told text NOT NULL,
    created_at bigint NOT NULL,
    looked_at bigint NOT NULL,
    settled_at bigint
);

CREATE INDEX batches_of_projects ON batches (project, id);
CREATE INDEX batches_open ON batches (looked_at) WHERE settled_at IS NULL;
CREATE UNIQUE INDEX batches_held ON batches (call);
