-- What calls were billed before they were priced anew, and by which price rows; who did it, and when. Whoever changes
-- or folds what is settled takes its turn by the row of `control`.

INSERT INTO control VALUES ('corrections', 0);

CREATE TABLE corrections (
    call text COLLATE "C" NOT NULL,
    number bigint NOT NULL,
    repricing text COLLATE "C" NOT NULL,
    was bigint NOT NULL,
    owed bigint NOT NULL CHECK (owed >= 0),
    old_price bigint,
    price bigint NOT NULL,
    made_by text NOT NULL,
    made_at bigint NOT NULL,
    PRIMARY KEY (call, number)
);

CREATE INDEX corrections_of_repricings ON corrections (repricing);
