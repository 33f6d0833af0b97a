-- Budgets that start anew: how often, by the clocks of which zone, which window they are in, and what
-- was spent in those that are over. One that is soft only tells.

ALTER TABLE accounts ADD COLUMN is_soft INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN period TEXT;
ALTER TABLE accounts ADD COLUMN zone TEXT;
ALTER TABLE accounts ADD COLUMN period_start INTEGER;
ALTER TABLE accounts ADD COLUMN period_end INTEGER;

CREATE TABLE rolls (
    account INTEGER NOT NULL REFERENCES accounts (id),
    spent INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    rolled_at INTEGER NOT NULL
) STRICT;

CREATE INDEX rolls_of_accounts ON rolls (account, ended_at);
