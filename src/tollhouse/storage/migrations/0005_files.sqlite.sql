-- What providers keep for projects: whose it is, who keeps it, and by which name it is known there.

CREATE TABLE files (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL REFERENCES projects (id),
    provider TEXT NOT NULL,
    known_as TEXT NOT NULL,
    purpose TEXT NOT NULL,
    name TEXT NOT NULL,
    bytes INTEGER NOT NULL CHECK (bytes >= 0),
    created_at INTEGER NOT NULL,
    expires_at INTEGER
) STRICT;

CREATE INDEX files_of_projects ON files (project, id);
