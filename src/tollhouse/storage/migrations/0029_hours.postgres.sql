-- When a key may be used: days, hours and the place by whose clocks.

ALTER TABLE keys ADD COLUMN hours text;

CREATE TRIGGER keys_timed AFTER UPDATE OF hours ON keys
FOR EACH ROW EXECUTE FUNCTION raise_revision();
