-- What is not billed by the token: prices in pico-dollars a unit, and what a call came to.

ALTER TABLE prices ADD COLUMN per_call bigint NOT NULL DEFAULT 0 CHECK (per_call >= 0);
ALTER TABLE prices ADD COLUMN per_image bigint NOT NULL DEFAULT 0 CHECK (per_image >= 0);
ALTER TABLE prices ADD COLUMN per_second bigint NOT NULL DEFAULT 0 CHECK (per_second >= 0);
ALTER TABLE prices ADD COLUMN per_character bigint NOT NULL DEFAULT 0 CHECK (per_character >= 0);

ALTER TABLE calls ADD COLUMN images bigint;
ALTER TABLE calls ADD COLUMN seconds bigint;
ALTER TABLE calls ADD COLUMN characters bigint;

-- Settles once, or leaves open what ended unseen; the calls for which that was new.
CREATE OR REPLACE FUNCTION ledger_settle(settlements jsonb) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    counted text[];
BEGIN
    WITH left_open AS (
        UPDATE calls SET state = 'unknown', outcome = 'unknown',
            target = s.target, price = s.price, anomaly = s.anomaly
        FROM jsonb_to_recordset(settlements) AS s
            (call text, outcome text, target text, price bigint, anomaly text)
        WHERE calls.id = s.call AND s.outcome = 'unknown' AND calls.state = 'held'
        RETURNING calls.id
    ), closed AS (
        UPDATE calls SET state = 'settled', settled_at = s.settled_at_ms, outcome = s.outcome, owed = s.owed,
            input = (s.usage ->> 'input')::bigint, output = (s.usage ->> 'output')::bigint,
            cache_read = (s.usage ->> 'cache_read')::bigint, cache_write = (s.usage ->> 'cache_write')::bigint,
            images = (s.usage ->> 'images')::bigint, seconds = (s.usage ->> 'seconds')::bigint,
            characters = (s.usage ->> 'characters')::bigint,
            source = s.source, target = s.target, price = s.price, anomaly = s.anomaly
        FROM jsonb_to_recordset(settlements) AS s
            (call text, outcome text, owed bigint, usage jsonb, source text, target text, price bigint,
             settled_at_ms bigint, anomaly text)
        WHERE calls.id = s.call AND s.outcome <> 'unknown' AND calls.state <> 'settled'
        RETURNING calls.id, calls.held, calls.owed,
            ARRAY[tenant_account, project_account, user_account, key_account] AS accounts
    ), shares AS (
        SELECT payer, sum(closed.held) AS held, sum(closed.owed) AS owed
        FROM closed, LATERAL (SELECT DISTINCT unnest(closed.accounts) AS payer) AS payers
        GROUP BY payer
    ), given_back AS (
        UPDATE accounts SET held = accounts.held - shares.held, spent = accounts.spent + shares.owed
        FROM shares WHERE accounts.id = shares.payer AND (shares.held > 0 OR shares.owed > 0)
    )
    SELECT array_agg(id) INTO counted FROM (SELECT id FROM left_open UNION ALL SELECT id FROM closed) AS ids;

    INSERT INTO attempts (call, number, target, outcome, status)
    SELECT s.call, (SELECT count(*) FROM attempts WHERE attempts.call = s.call) + a.place - 1,
        a.attempt ->> 'target', a.attempt ->> 'outcome', (a.attempt ->> 'status')::bigint
    FROM jsonb_to_recordset(settlements) AS s (call text, attempts jsonb),
        jsonb_array_elements(s.attempts) WITH ORDINALITY AS a (attempt, place)
    WHERE s.call = ANY (counted);

    RETURN QUERY SELECT unnest(counted);
END
$$;
