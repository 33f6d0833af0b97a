-- Rates of their own for kinds of tokens, and for long prompts; prices of one tenant, and who set them.
-- A call keeps how many of its tokens were of a kind, so that its cost can be worked out anew.

CREATE TABLE prices_wider (
    id INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL DEFAULT '',
    model TEXT NOT NULL,
    input INTEGER NOT NULL CHECK (input >= 0),
    output INTEGER NOT NULL CHECK (output >= 0),
    cache_read INTEGER NOT NULL CHECK (cache_read >= 0),
    cache_write INTEGER NOT NULL CHECK (cache_write >= 0),
    effective_at INTEGER NOT NULL,
    effective_to INTEGER CHECK (effective_to > effective_at),
    source TEXT NOT NULL,
    set_by TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    per_call INTEGER NOT NULL DEFAULT 0 CHECK (per_call >= 0),
    per_image INTEGER NOT NULL DEFAULT 0 CHECK (per_image >= 0),
    per_second INTEGER NOT NULL DEFAULT 0 CHECK (per_second >= 0),
    per_character INTEGER NOT NULL DEFAULT 0 CHECK (per_character >= 0),
    kinds TEXT NOT NULL DEFAULT '[]',
    tiers TEXT NOT NULL DEFAULT '[]',
    UNIQUE (tenant, model, effective_at)
) STRICT;
INSERT INTO prices_wider (id, model, input, output, cache_read, cache_write, effective_at, source, created_at,
    per_call, per_image, per_second, per_character)
SELECT id, model, input, output, cache_read, cache_write, effective_at, source, created_at,
    per_call, per_image, per_second, per_character FROM prices;
DROP TABLE prices;
ALTER TABLE prices_wider RENAME TO prices;

CREATE TRIGGER prices_added AFTER INSERT ON prices
BEGIN UPDATE control SET value = value + 1 WHERE name = 'revision'; END;
CREATE TRIGGER prices_removed AFTER DELETE ON prices
BEGIN UPDATE control SET value = value + 1 WHERE name = 'revision'; END;
CREATE TRIGGER prices_changed AFTER UPDATE ON prices
BEGIN UPDATE control SET value = value + 1 WHERE name = 'revision'; END;

ALTER TABLE calls ADD COLUMN kinds TEXT;
