-- What is not billed by the token: prices in pico-dollars a unit, and what a call came to.

ALTER TABLE prices ADD COLUMN per_call INTEGER NOT NULL DEFAULT 0 CHECK (per_call >= 0);
ALTER TABLE prices ADD COLUMN per_image INTEGER NOT NULL DEFAULT 0 CHECK (per_image >= 0);
ALTER TABLE prices ADD COLUMN per_second INTEGER NOT NULL DEFAULT 0 CHECK (per_second >= 0);
ALTER TABLE prices ADD COLUMN per_character INTEGER NOT NULL DEFAULT 0 CHECK (per_character >= 0);

ALTER TABLE calls ADD COLUMN images INTEGER;
ALTER TABLE calls ADD COLUMN seconds INTEGER;
ALTER TABLE calls ADD COLUMN characters INTEGER;
