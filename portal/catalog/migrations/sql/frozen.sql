-- What was published is never edited: what is past stays readable, and nobody's price changes behind a contract.

-- Refuse every change of a book that is no draft, but two: it may end earlier, ahead of now, and it may be withdrawn before
-- it begins. The minute is for clocks of machines that differ.
CREATE FUNCTION catalog_keep_book() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    may_change CONSTANT text[] := ARRAY['valid', 'state', 'state_reason', 'state_changed_at', 'state_deadline_at'];
BEGIN
    IF OLD.state = 'draft' THEN
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    ELSIF TG_OP = 'UPDATE'
        AND to_jsonb(NEW) - may_change = to_jsonb(OLD) - may_change
        AND (NEW.valid = OLD.valid OR (
            OLD.state = 'published' AND lower(NEW.valid) = lower(OLD.valid) AND NOT upper_inf(NEW.valid)
            AND (upper_inf(OLD.valid) OR upper(NEW.valid) < upper(OLD.valid))
            AND upper(NEW.valid) > now() - interval '1 minute'))
        AND (NEW.state = OLD.state OR (
            OLD.state = 'published' AND NEW.state = 'withdrawn' AND lower(OLD.valid) > now() - interval '1 minute'))
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'price book % is %: it stays as it is', OLD.public_id, OLD.state USING
        ERRCODE = 'restrict_violation', TABLE = 'catalog_pricebook', CONSTRAINT = 'price_book_frozen',
        HINT = 'Copy it to a new version.';
END
$$;
CREATE TRIGGER catalog_pricebook_keep BEFORE UPDATE OR DELETE ON catalog_pricebook
    FOR EACH ROW EXECUTE FUNCTION catalog_keep_book();

-- Refuse every change of what is in a book that is no draft. The book's row is locked, so that none is published meanwhile.
CREATE FUNCTION catalog_keep_contents() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    of_book bigint;
BEGIN
    FOREACH of_book IN ARRAY CASE TG_OP
        WHEN 'INSERT' THEN ARRAY[NEW.book_id] WHEN 'DELETE' THEN ARRAY[OLD.book_id] ELSE ARRAY[OLD.book_id, NEW.book_id]
    END LOOP
        PERFORM 1 FROM catalog_pricebook b WHERE b.id = of_book FOR SHARE;
        -- A book that is not there is for the foreign key to refuse.
        IF EXISTS (SELECT 1 FROM catalog_pricebook b WHERE b.id = of_book AND b.state <> 'draft') THEN
            RAISE EXCEPTION 'price book % is no draft: what is in it stays as it is', of_book USING
                ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = 'price_book_frozen',
                HINT = 'Copy it to a new version.';
        END IF;
    END LOOP;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END
$$;
CREATE TRIGGER catalog_price_keep BEFORE INSERT OR UPDATE OR DELETE ON catalog_price
    FOR EACH ROW EXECUTE FUNCTION catalog_keep_contents();
CREATE TRIGGER catalog_cancellationterm_keep BEFORE INSERT OR UPDATE OR DELETE ON catalog_cancellationterm
    FOR EACH ROW EXECUTE FUNCTION catalog_keep_contents();
CREATE TRIGGER catalog_fee_keep BEFORE INSERT OR UPDATE OR DELETE ON catalog_fee
    FOR EACH ROW EXECUTE FUNCTION catalog_keep_contents();

-- Tiers never change either: only whether they are offered, and which is the default.
CREATE FUNCTION catalog_keep_tier() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    may_change CONSTANT text[] := ARRAY['is_default', 'is_offered'];
BEGIN
    IF to_jsonb(NEW) - may_change <> to_jsonb(OLD) - may_change THEN
        RAISE EXCEPTION '% stays as it is', OLD.public_id USING
            ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = 'tier_frozen',
            HINT = 'Add a new version.';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER catalog_slatier_keep BEFORE UPDATE ON catalog_slatier
    FOR EACH ROW EXECUTE FUNCTION catalog_keep_tier();
CREATE TRIGGER catalog_supporttier_keep BEFORE UPDATE ON catalog_supporttier
    FOR EACH ROW EXECUTE FUNCTION catalog_keep_tier();
