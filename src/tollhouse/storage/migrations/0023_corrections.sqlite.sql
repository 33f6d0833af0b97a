-- What calls were billed before they were priced anew, and by which price rows; who did it, and when. Whoever changes
-- or folds what is settled takes its turn by the row of `control`.

INSERT INTO control VALUES ('corrections', 0);

CREATE TABLE corrections (
    call TEXT NOT NULL,
    number INTEGER NOT NULL,
    repricing TEXT NOT NULL,
    was INTEGER NOT NULL,
    owed INTEGER NOT NULL CHECK (owed >= 0),
    old_price INTEGER,
    price INTEGER NOT NULL,
    made_by TEXT NOT NULL,
    made_at INTEGER NOT NULL,
    PRIMARY KEY (call, number)
) STRICT, WITHOUT ROWID;

CREATE INDEX corrections_of_repricings ON corrections (repricing);
