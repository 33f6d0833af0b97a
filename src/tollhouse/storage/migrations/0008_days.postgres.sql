-- What old calls came to, day by day in UTC, once their own rows are gone: all that a report tells apart, and the
-- accounts that they stood on, so that balances can still be worked out anew.

CREATE TABLE days (
    day bigint NOT NULL,
    tenant text COLLATE "C" NOT NULL,
    project text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    key_id text COLLATE "C" NOT NULL,
    tenant_account bigint NOT NULL,
    project_account bigint NOT NULL,
    user_account bigint NOT NULL,
    key_account bigint NOT NULL,
    route text COLLATE "C" NOT NULL,
    model text COLLATE "C" NOT NULL,
    target text COLLATE "C" NOT NULL,
    price bigint NOT NULL,
    outcome text COLLATE "C" NOT NULL,
    source text COLLATE "C" NOT NULL,
    anomaly text COLLATE "C" NOT NULL,
    calls bigint NOT NULL,
    owed bigint NOT NULL,
    input bigint NOT NULL,
    output bigint NOT NULL,
    cache_read bigint NOT NULL,
    cache_write bigint NOT NULL,
    images bigint NOT NULL,
    seconds bigint NOT NULL,
    characters bigint NOT NULL,
    PRIMARY KEY (
        day, key_account, user_account, project_account, tenant_account, route, model, target, price, outcome, source,
        anomaly
    )
);

-- Those that are being added to their day: empty between transactions.
CREATE TABLE folding (call text COLLATE "C" PRIMARY KEY);
