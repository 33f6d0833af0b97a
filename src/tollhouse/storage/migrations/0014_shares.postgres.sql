-- Further accounts of a call beside its four: budgets narrowed to a provider or a model. Keys without a
-- budget, what a body may say of its user, and which end user it did name.

CREATE TABLE narrowings (
    account bigint PRIMARY KEY REFERENCES accounts (id),
    owner text COLLATE "C" NOT NULL,
    provider text NOT NULL,
    model text NOT NULL
);

-- `target` says whose answer is spent there: any, `PROVIDER:*`, or one.
CREATE TABLE shares (
    call text COLLATE "C" NOT NULL,
    account bigint NOT NULL,
    target text NOT NULL,
    owed bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (call, account)
);

ALTER TABLE keys ADD COLUMN is_exempt bigint NOT NULL DEFAULT 0;
ALTER TABLE keys ADD COLUMN foreign_users text CHECK (foreign_users IN ('known', 'refuse', 'tolerate'));
ALTER TABLE calls ADD COLUMN end_user text;

CREATE TRIGGER keys_bound AFTER UPDATE OF is_exempt, foreign_users ON keys
FOR EACH ROW EXECUTE FUNCTION raise_revision();
CREATE TRIGGER users_added AFTER INSERT ON users
FOR EACH ROW EXECUTE FUNCTION raise_revision();
CREATE TRIGGER narrowings_added AFTER INSERT ON narrowings
FOR EACH ROW EXECUTE FUNCTION raise_revision();

-- Of calls that were just settled: gives back on further accounts, and spends on those whose target answered,
-- by the rule of `tollhouse.domain.budget.Share.is_spent_by`.
CREATE FUNCTION ledger_settle_shares(settled text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    WITH closed AS (
        UPDATE shares SET owed = CASE
            WHEN shares.target = '' OR calls.target IS NULL OR shares.target = calls.target
                OR shares.target = split_part(calls.target, ':', 1) || ':*' THEN calls.owed
            ELSE 0 END
        FROM calls WHERE shares.call = ANY (settled) AND calls.id = shares.call AND calls.state = 'settled'
        RETURNING shares.account, calls.held, shares.owed
    ), portions AS (
        SELECT account, sum(held) AS held, sum(owed) AS owed FROM closed GROUP BY account
    )
    UPDATE accounts SET held = accounts.held - portions.held, spent = accounts.spent + portions.owed
    FROM portions WHERE accounts.id = portions.account;
END
$$;

-- What arrived together: settlements first, then holds in their order, and no call twice. Told is
-- what is worth telling: a settlement that counted, a hold that was refused and by which account.
--
-- Every row is locked before the first is changed, calls before accounts and each in the order of
-- their ids: two batches never wait for each other in a circle.
CREATE OR REPLACE FUNCTION ledger_batch(settlements jsonb, holds jsonb)
RETURNS TABLE (
    told_call text, verdict text,
    account_id bigint, account_owner text, account_limit bigint, account_spent bigint, account_held bigint,
    account_ends_at bigint
)
LANGUAGE plpgsql AS $$
DECLARE
    counted text[];
BEGIN
    PERFORM FROM calls
    WHERE calls.id IN (SELECT s.value ->> 'call' FROM jsonb_array_elements(settlements) AS s)
    ORDER BY calls.id FOR UPDATE;

    PERFORM FROM accounts WHERE accounts.id IN (
        SELECT unnest(ARRAY[c.tenant_account, c.project_account, c.user_account, c.key_account])
        FROM jsonb_array_elements(settlements) AS s JOIN calls AS c ON c.id = s.value ->> 'call'
        UNION
        SELECT payer.value::bigint
        FROM jsonb_array_elements(holds) AS h, jsonb_array_elements_text(h.value -> 'accounts') AS payer
        UNION
        SELECT shares.account
        FROM jsonb_array_elements(settlements) AS s JOIN shares ON shares.call = s.value ->> 'call'
        UNION
        SELECT (share.value ->> 'account')::bigint
        FROM jsonb_array_elements(holds) AS h, jsonb_array_elements(h.value -> 'shares') AS share
    )
    ORDER BY accounts.id FOR UPDATE;

    IF settlements <> '[]' THEN
        SELECT array_agg(id) INTO counted FROM ledger_settle(settlements) AS id;
        PERFORM ledger_settle_shares(counted);
        RETURN QUERY SELECT id, 'counted',
            NULL::bigint, NULL, NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint
        FROM unnest(counted) AS id;
    END IF;
    IF holds <> '[]' THEN
        RETURN QUERY SELECT * FROM ledger_hold(holds);
    END IF;
END
$$;

-- Decides one hold after the other, by the rule of `tollhouse.domain.budget.check`; the refused ones,
-- and those that are due: a window of theirs is over, and has to be rolled before.
CREATE OR REPLACE FUNCTION ledger_hold(holds jsonb)
RETURNS TABLE (
    told_call text, verdict text,
    account_id bigint, account_owner text, account_limit bigint, account_spent bigint, account_held bigint,
    account_ends_at bigint
)
LANGUAGE plpgsql AS $$
DECLARE
    ids bigint[];
    budgeted int[];  -- the places in ids that have a budget
    rooms bigint[];  -- what is left there; NULL without a limit
    ends bigint[];  -- when its window is over; NULL without a period
    taken bigint[];  -- what this batch holds there
    opened bigint[] := '{}';
    hold record;
    place int;
BEGIN
    SELECT array_agg(a.id), array_agg(a.number) FILTER (WHERE a.has_budget > 0),
        array_agg(CASE WHEN a.has_budget > 0 AND a.is_soft = 0 THEN a.limit_nanos - a.spent - a.held END),
        array_agg(a.period_end), array_agg(0::bigint)
    INTO ids, budgeted, rooms, ends, taken
    FROM (
        SELECT accounts.*, row_number() OVER (ORDER BY accounts.id)::int AS number FROM accounts
        WHERE accounts.id IN (
            SELECT payer.value::bigint
            FROM jsonb_array_elements(holds) AS h, jsonb_array_elements_text(h.value -> 'accounts') AS payer
            UNION
            SELECT (share.value ->> 'account')::bigint
            FROM jsonb_array_elements(holds) AS h, jsonb_array_elements(h.value -> 'shares') AS share
        )
        ORDER BY accounts.id
    ) AS a;

    <<each_hold>>
    FOR hold IN
        SELECT h.call, h.amount, h.created_at_ms, h.number,
            ARRAY(
                SELECT DISTINCT array_position(ids, payer) FROM (
                    SELECT unnest(h.accounts)
                    UNION ALL
                    SELECT (share.value ->> 'account')::bigint FROM jsonb_array_elements(h.shares) AS share
                ) AS payers (payer)
                ORDER BY 1
            ) AS places
        FROM ROWS FROM (jsonb_to_recordset(holds) AS
                (call text, amount bigint, accounts bigint[], shares jsonb, created_at_ms bigint))
            WITH ORDINALITY AS h (call, amount, accounts, shares, created_at_ms, number)
        ORDER BY h.number
    LOOP
        IF hold.amount > 0 THEN
            IF array_position(hold.places, NULL) IS NOT NULL THEN
                RAISE foreign_key_violation USING MESSAGE = 'an account of this call is not there';
            END IF;
            FOREACH place IN ARRAY hold.places LOOP
                IF ends[place] <= hold.created_at_ms THEN
                    RETURN QUERY SELECT hold.call, 'due',
                        NULL::bigint, NULL, NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint;
                    CONTINUE each_hold;
                END IF;
            END LOOP;
            IF NOT hold.places && COALESCE(budgeted, '{}') THEN
                RETURN QUERY SELECT hold.call, 'missing',
                    NULL::bigint, NULL, NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint;
                CONTINUE each_hold;
            END IF;
            FOREACH place IN ARRAY hold.places LOOP
                IF rooms[place] <= 0 OR rooms[place] < hold.amount THEN
                    RETURN QUERY SELECT hold.call, 'exhausted',
                        a.id, a.owner, a.limit_nanos, a.spent, a.held + taken[place], a.period_end
                    FROM accounts AS a WHERE a.id = ids[place];
                    CONTINUE each_hold;
                END IF;
            END LOOP;
            FOREACH place IN ARRAY hold.places LOOP
                rooms[place] := rooms[place] - hold.amount;
                taken[place] := taken[place] + hold.amount;
            END LOOP;
        END IF;
        opened := opened || hold.number;
    END LOOP;

    INSERT INTO calls (id, request_id, owner, tenant, project, user_id, key_id,
        tenant_account, project_account, user_account, key_account, route, model, held, state, created_at, end_user)
    SELECT h.call, h.request_id, h.owner, h.tenant, h.project, h."user", h.key,
        h.accounts[1], h.accounts[2], h.accounts[3], h.accounts[4], h.route, h.model, h.amount, 'held', h.created_at_ms,
        h.end_user
    FROM ROWS FROM (jsonb_to_recordset(holds) AS (
        call text, request_id text, owner text, tenant text, project text, "user" text, key text,
        accounts bigint[], route text, model text, amount bigint, created_at_ms bigint, end_user text
    )) WITH ORDINALITY AS h (call, request_id, owner, tenant, project, "user", key,
        accounts, route, model, amount, created_at_ms, end_user, number)
    WHERE h.number = ANY (opened);

    INSERT INTO shares (call, account, target)
    SELECT h.value ->> 'call', (share.value ->> 'account')::bigint, share.value ->> 'target'
    FROM jsonb_array_elements(holds) WITH ORDINALITY AS h (value, number),
        jsonb_array_elements(h.value -> 'shares') AS share
    WHERE h.number = ANY (opened);

    UPDATE accounts SET held = accounts.held + share.taken
    FROM unnest(ids, taken) AS share (id, taken)
    WHERE accounts.id = share.id AND share.taken > 0;
END
$$;
