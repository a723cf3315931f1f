-- An invoice that has a number stays as it is, but for what becomes of it. No invoice is ever removed.
CREATE FUNCTION billing_keep_invoice() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    free text[] := ARRAY['state', 'state_reason', 'state_changed_at', 'state_deadline_at', 'paid_at'];
    lines numeric;
BEGIN
    IF TG_OP <> 'UPDATE' THEN
        RAISE EXCEPTION 'invoices are never removed'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'invoice_immutable';
    END IF;
    IF OLD.number IS NOT NULL AND to_jsonb(NEW) - free <> to_jsonb(OLD) - free THEN
        RAISE EXCEPTION 'invoice % is issued and stays as it is', OLD.number
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'invoice_immutable';
    END IF;
    IF OLD.number IS NULL AND NEW.number IS NOT NULL THEN
        SELECT coalesce(sum(amount), 0) INTO lines FROM billing_invoiceline WHERE invoice_id = NEW.id;
        IF lines <> NEW.subtotal THEN
            RAISE EXCEPTION 'the lines of invoice % come to %, not to %', NEW.number, lines, NEW.subtotal
                USING ERRCODE = 'check_violation', CONSTRAINT = 'invoice_lines_add_up';
        END IF;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER billing_invoice_kept BEFORE UPDATE OR DELETE ON billing_invoice
    FOR EACH ROW EXECUTE FUNCTION billing_keep_invoice();
CREATE TRIGGER billing_invoice_no_truncate BEFORE TRUNCATE ON billing_invoice
    FOR EACH STATEMENT EXECUTE FUNCTION billing_keep_invoice();

-- Lines are written with their draft. The draft is locked, so that it cannot be issued meanwhile.
CREATE FUNCTION billing_keep_line() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM billing_invoice WHERE id = NEW.invoice_id AND number IS NULL AND state = 'draft' FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'invoice % is no draft', NEW.invoice_id
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'invoice_immutable';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER billing_invoiceline_on_draft BEFORE INSERT ON billing_invoiceline
    FOR EACH ROW EXECUTE FUNCTION billing_keep_line();

-- A series only ever goes one further.
CREATE FUNCTION billing_keep_series() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.name = OLD.name AND NEW.last = OLD.last + 1 THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a series of numbers goes on by one'
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'number_series_by_one';
END
$$;
CREATE TRIGGER billing_numberseries_by_one BEFORE UPDATE OR DELETE ON billing_numberseries
    FOR EACH ROW EXECUTE FUNCTION billing_keep_series();
