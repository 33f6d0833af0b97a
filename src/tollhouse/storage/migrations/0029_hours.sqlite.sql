-- When a key may be used: days, hours and the place by whose clocks.

ALTER TABLE keys ADD COLUMN hours TEXT;

CREATE TRIGGER keys_timed AFTER UPDATE OF hours ON keys
BEGIN UPDATE control SET value = value + 1 WHERE name = 'revision'; END;
