-- What price books would change: each change waits until somebody approves or rejects it, by a token of its own, so
-- that it is done once.

CREATE TABLE proposals (
    id text COLLATE "C" PRIMARY KEY,
    book text NOT NULL,
    version text NOT NULL,
    made_by text NOT NULL,
    made_at bigint NOT NULL,
    gone text NOT NULL
);

CREATE TABLE price_changes (
    proposal text COLLATE "C" NOT NULL REFERENCES proposals (id),
    number bigint NOT NULL,
    target text NOT NULL,
    old_price bigint,
    rates text NOT NULL,
    is_jump bigint NOT NULL,
    verdict text CHECK (verdict IN ('approved', 'rejected')),
    decided_by text,
    decided_at bigint,
    token text,
    PRIMARY KEY (proposal, number)
);
