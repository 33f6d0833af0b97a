-- What the bearer of a key has to show or prove beside it: certificates as a JSON list, and the thumbprint of a key.

ALTER TABLE keys ADD COLUMN certificates TEXT;
ALTER TABLE keys ADD COLUMN proof_key TEXT;

CREATE TRIGGER keys_constrained AFTER UPDATE OF certificates, proof_key ON keys
BEGIN UPDATE control SET value = value + 1 WHERE name = 'revision'; END;
