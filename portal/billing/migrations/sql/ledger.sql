-- What is written about money and usage stays written, whoever asks.
CREATE FUNCTION billing_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'billing_append_only';
END
$$;

-- An account is kept too: its kind, owner and currency are what its legs mean.
DO $$
DECLARE
    kept text;
BEGIN
    FOREACH kept IN ARRAY ARRAY['account', 'entry', 'leg', 'usagerecord', 'creditgrant', 'creditnote', 'payment', 'invoiceline']
    LOOP
        EXECUTE format(
            'CREATE TRIGGER billing_%1$s_append_only BEFORE UPDATE OR DELETE ON billing_%1$s
                 FOR EACH ROW EXECUTE FUNCTION billing_refuse_change();
             CREATE TRIGGER billing_%1$s_no_truncate BEFORE TRUNCATE ON billing_%1$s
                 FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse_change()', kept);
    END LOOP;
END
$$;

-- The legs of an entry sum to 0 in each currency, and there are two of them or more: looked at when the transaction
-- ends, once for the entry and for each leg, so that no leg can be added later either.
CREATE FUNCTION billing_check_entry() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    the_entry bigint;
    unbalanced text;
BEGIN
    IF TG_TABLE_NAME = 'billing_entry' THEN
        the_entry := NEW.id;
        IF (SELECT count(*) FROM billing_leg WHERE entry_id = the_entry) < 2 THEN
            RAISE EXCEPTION 'entry % has no two legs', the_entry
                USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_balanced';
        END IF;
    ELSE
        the_entry := NEW.entry_id;
    END IF;
    SELECT string_agg(found.currency || ' ' || found.sum, ', ') INTO unbalanced
    FROM (
        SELECT a.currency, sum(l.amount) AS sum
        FROM billing_leg l JOIN billing_account a ON a.id = l.account_id
        WHERE l.entry_id = the_entry
        GROUP BY a.currency
        HAVING sum(l.amount) <> 0
    ) found;
    IF unbalanced IS NOT NULL THEN
        RAISE EXCEPTION 'entry % is off by %', the_entry, unbalanced
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_balanced';
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER billing_entry_balanced AFTER INSERT ON billing_entry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_check_entry();
CREATE CONSTRAINT TRIGGER billing_leg_balanced AFTER INSERT ON billing_leg
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_check_entry();
