-- Budgets that start anew: how often, by the clocks of which zone, which window they are in, and what
-- was spent in those that are over. One that is soft only tells.

ALTER TABLE accounts ADD COLUMN is_soft bigint NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN period text;
ALTER TABLE accounts ADD COLUMN zone text;
ALTER TABLE accounts ADD COLUMN period_start bigint;
ALTER TABLE accounts ADD COLUMN period_end bigint;

CREATE TABLE rolls (
    account bigint NOT NULL REFERENCES accounts (id),
    spent bigint NOT NULL,
    started_at bigint NOT NULL,
    ended_at bigint NOT NULL,
    rolled_at bigint NOT NULL
);

CREATE INDEX rolls_of_accounts ON rolls (account, ended_at);

-- Ends the window that ended at `due_at`, unless that was done; whose clock says what comes next does not matter.
CREATE FUNCTION ledger_roll(rolled bigint, due_at bigint, starts_at bigint, ends_at bigint, now_ms bigint)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    past accounts%ROWTYPE;
BEGIN
    SELECT * INTO past FROM accounts WHERE id = rolled AND period_end = due_at FOR UPDATE;
    IF FOUND THEN
        INSERT INTO rolls (account, spent, started_at, ended_at, rolled_at)
        VALUES (rolled, past.spent, past.period_start, due_at, now_ms);
        UPDATE accounts SET spent = 0, period_start = starts_at, period_end = ends_at WHERE id = rolled;
    END IF;
END
$$;

DROP FUNCTION ledger_batch (jsonb, jsonb);
DROP FUNCTION ledger_hold (jsonb);

-- What arrived together: settlements first, then holds in their order, and no call twice. Told is
-- what is worth telling: a settlement that counted, a hold that was refused and by which account.
--
-- Every row is locked before the first is changed, calls before accounts and each in the order of
-- their ids: two batches never wait for each other in a circle.
CREATE FUNCTION ledger_batch(settlements jsonb, holds jsonb)
RETURNS TABLE (
    told_call text, verdict text,
    account_id bigint, account_owner text, account_limit bigint, account_spent bigint, account_held bigint,
    account_ends_at bigint
)
LANGUAGE plpgsql AS $$
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
    )
    ORDER BY accounts.id FOR UPDATE;

    IF settlements <> '[]' THEN
        RETURN QUERY SELECT counted, 'counted',
            NULL::bigint, NULL, NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint
        FROM ledger_settle(settlements) AS counted;
    END IF;
    IF holds <> '[]' THEN
        RETURN QUERY SELECT * FROM ledger_hold(holds);
    END IF;
END
$$;

-- Decides one hold after the other, by the rule of `tollhouse.domain.budget.check`; the refused ones,
-- and those that are due: a window of theirs is over, and has to be rolled before.
CREATE FUNCTION ledger_hold(holds jsonb)
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
        )
        ORDER BY accounts.id
    ) AS a;

    <<each_hold>>
    FOR hold IN
        SELECT h.call, h.amount, h.created_at_ms, h.number,
            ARRAY(SELECT DISTINCT array_position(ids, payer) FROM unnest(h.accounts) AS payer ORDER BY 1) AS places
        FROM ROWS FROM (jsonb_to_recordset(holds) AS (call text, amount bigint, accounts bigint[], created_at_ms bigint))
            WITH ORDINALITY AS h (call, amount, accounts, created_at_ms, number)
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
        tenant_account, project_account, user_account, key_account, route, model, held, state, created_at)
    SELECT h.call, h.request_id, h.owner, h.tenant, h.project, h."user", h.key,
        h.accounts[1], h.accounts[2], h.accounts[3], h.accounts[4], h.route, h.model, h.amount, 'held', h.created_at_ms
    FROM ROWS FROM (jsonb_to_recordset(holds) AS (
        call text, request_id text, owner text, tenant text, project text, "user" text, key text,
        accounts bigint[], route text, model text, amount bigint, created_at_ms bigint
    )) WITH ORDINALITY AS h (call, request_id, owner, tenant, project, "user", key,
        accounts, route, model, amount, created_at_ms, number)
    WHERE h.number = ANY (opened);

    UPDATE accounts SET held = accounts.held + share.taken
    FROM unnest(ids, taken) AS share (id, taken)
    WHERE accounts.id = share.id AND share.taken > 0;
END
$$;
