-- What providers keep for projects: whose it is, who keeps it, and by which name it is known there.

CREATE TABLE files (
    id text COLLATE "C" PRIMARY KEY,
    project text COLLATE "C" NOT NULL REFERENCES projects (id),
    provider text NOT NULL,
    known_as text NOT NULL,
    purpose text NOT NULL,
    name text NOT NULL,
    bytes bigint NOT NULL CHECK (bytes >= 0),
    created_at bigint NOT NULL,
    expires_at bigint
);

CREATE INDEX files_of_projects ON files (project, id);
