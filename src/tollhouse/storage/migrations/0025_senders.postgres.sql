-- What the bearer of a key has to show or prove beside it: certificates as a JSON list, and the thumbprint of a key.

ALTER TABLE keys ADD COLUMN certificates text;
ALTER TABLE keys ADD COLUMN proof_key text;

CREATE TRIGGER keys_constrained AFTER UPDATE OF certificates, proof_key ON keys
FOR EACH ROW EXECUTE FUNCTION raise_revision();
