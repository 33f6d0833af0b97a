-- Rates of their own for kinds of tokens, and for long prompts; prices of one tenant, and who set them.
-- A call keeps how many of its tokens were of a kind, so that its cost can be worked out anew.

ALTER TABLE prices ADD COLUMN tenant text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE prices ADD COLUMN effective_to bigint CHECK (effective_to > effective_at);
ALTER TABLE prices ADD COLUMN set_by text NOT NULL DEFAULT '';
ALTER TABLE prices ADD COLUMN kinds text NOT NULL DEFAULT '[]';
ALTER TABLE prices ADD COLUMN tiers text NOT NULL DEFAULT '[]';
ALTER TABLE prices DROP CONSTRAINT prices_model_effective_at_key;
ALTER TABLE prices ADD UNIQUE (tenant, model, effective_at);

ALTER TABLE calls ADD COLUMN kinds text;

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
            characters = (s.usage ->> 'characters')::bigint, kinds = s.usage ->> 'kinds',
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
