-- What was agreed is not edited: a change is a new version. Only the state, and what goes with it, moves on.
CREATE FUNCTION contracts_refuse_edit() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moves CONSTANT text[] := ARRAY[
        'state', 'state_reason', 'state_changed_at', 'state_deadline_at', 'valid_until', 'sent_at', 'activated_at',
        'ends_early_at', 'early_end_reason'
    ];
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'contracts are never deleted' USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.state <> 'draft' AND to_jsonb(NEW) - moves <> to_jsonb(OLD) - moves THEN
        RAISE EXCEPTION 'contract % is %: it is amended, not edited', OLD.public_id, OLD.state
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'contract_frozen';
    END IF;
    IF NEW.term <> OLD.term AND EXISTS (
        SELECT FROM contracts_contractline l WHERE l.contract_id = NEW.id AND NOT l.period <@ NEW.term
    ) THEN
        RAISE EXCEPTION 'lines of contract % would lie outside of its term', OLD.public_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'contract_line_in_term';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER contract_frozen BEFORE UPDATE OR DELETE ON contracts_contract
    FOR EACH ROW EXECUTE FUNCTION contracts_refuse_edit();

CREATE FUNCTION contracts_check_line() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    of contracts_contract%ROWTYPE;
BEGIN
    -- The contract stays a draft, with this term, until the line is written.
    SELECT * INTO of FROM contracts_contract
        WHERE id = CASE WHEN TG_OP = 'DELETE' THEN OLD.contract_id ELSE NEW.contract_id END FOR SHARE;
    IF of.state <> 'draft' OR (TG_OP = 'UPDATE' AND NEW.contract_id <> OLD.contract_id) THEN
        RAISE EXCEPTION 'contract % is %: its lines are amended, not edited', of.public_id, of.state
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'contract_frozen';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    IF NOT NEW.period <@ of.term THEN
        RAISE EXCEPTION 'the line lies outside of the term of contract %', of.public_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'contract_line_in_term';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER contract_line_frozen BEFORE INSERT OR UPDATE OR DELETE ON contracts_contractline
    FOR EACH ROW EXECUTE FUNCTION contracts_check_line();

CREATE FUNCTION contracts_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what was sent and signed is kept as it is' USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER contract_document_kept BEFORE UPDATE OR DELETE ON contracts_document
    FOR EACH ROW EXECUTE FUNCTION contracts_refuse_change();
CREATE TRIGGER contract_signature_kept BEFORE UPDATE OR DELETE ON contracts_signature
    FOR EACH ROW EXECUTE FUNCTION contracts_refuse_change();
CREATE TRIGGER contract_commitment_kept BEFORE UPDATE OR DELETE ON contracts_commitment
    FOR EACH ROW EXECUTE FUNCTION contracts_refuse_change();
