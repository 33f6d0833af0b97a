-- What old calls came to, day by day in UTC, once their own rows are gone: all that a report tells apart, and the
-- accounts that they stood on, so that balances can still be worked out anew.

CREATE TABLE days (
    day INTEGER NOT NULL,
    tenant TEXT NOT NULL,
    project TEXT NOT NULL,
    user_id TEXT NOT NULL,
    key_id TEXT NOT NULL,
    tenant_account INTEGER NOT NULL,
    project_account INTEGER NOT NULL,
    user_account INTEGER NOT NULL,
    key_account INTEGER NOT NULL,
    route TEXT NOT NULL,
    model TEXT NOT NULL,
    target TEXT NOT NULL,
    price INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    source TEXT NOT NULL,
    anomaly TEXT NOT NULL,
    calls INTEGER NOT NULL,
    owed INTEGER NOT NULL,
    input INTEGER NOT NULL,
    output INTEGER NOT NULL,
    cache_read INTEGER NOT NULL,
    cache_write INTEGER NOT NULL,
    images INTEGER NOT NULL,
    seconds INTEGER NOT NULL,
    characters INTEGER NOT NULL,
    PRIMARY KEY (
        day, key_account, user_account, project_account, tenant_account, route, model, target, price, outcome, source,
        anomaly
    )
) STRICT, WITHOUT ROWID;

-- Those that are being added to their day: empty between transactions.
CREATE TABLE folding (call TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
