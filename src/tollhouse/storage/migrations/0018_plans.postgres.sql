-- Budgets that are given to many users, to each its own; and what people call things and keep beside them,
-- on which nothing is decided.

CREATE TABLE plans (
    id text COLLATE "C" PRIMARY KEY,
    tenant text COLLATE "C" NOT NULL REFERENCES tenants (id),
    name text,
    limit_nanos bigint CHECK (limit_nanos >= 0),
    period text,
    created_at bigint NOT NULL,
    changed_at bigint NOT NULL
);

ALTER TABLE users ADD COLUMN plan text COLLATE "C" REFERENCES plans (id);
ALTER TABLE users ADD COLUMN alias text;
ALTER TABLE users ADD COLUMN notes text NOT NULL DEFAULT '{}';
ALTER TABLE users ADD COLUMN changed_at bigint;
ALTER TABLE keys ADD COLUMN notes text NOT NULL DEFAULT '{}';
