-- Evidence, what was measured, and what is credited: whoever asks, the database refuses to rewrite them.

CREATE FUNCTION sla_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% rows are append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
$$;

-- A run of equal samples may grow at its end. Nothing else of it changes.
CREATE FUNCTION sla_only_grow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.until < OLD.until OR (to_jsonb(NEW) - 'until') <> (to_jsonb(OLD) - 'until') THEN
        RAISE EXCEPTION 'evidence may only grow' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;

-- What becomes of a credit is its state; what it is never changes.
CREATE FUNCTION sla_only_state() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    life text[] := ARRAY['state', 'state_reason', 'state_changed_at', 'state_deadline_at'];
BEGIN
    IF (to_jsonb(NEW) - life) <> (to_jsonb(OLD) - life) THEN
        RAISE EXCEPTION 'a credit never changes but for its state' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER sla_evidence_only_grow BEFORE UPDATE ON sla_evidence FOR EACH ROW EXECUTE FUNCTION sla_only_grow();
CREATE TRIGGER sla_evidence_kept BEFORE DELETE ON sla_evidence FOR EACH ROW EXECUTE FUNCTION sla_refuse_change();
CREATE TRIGGER sla_servermonth_append_only BEFORE UPDATE OR DELETE ON sla_servermonth
    FOR EACH ROW EXECUTE FUNCTION sla_refuse_change();
CREATE TRIGGER sla_outage_append_only BEFORE UPDATE OR DELETE ON sla_outage
    FOR EACH ROW EXECUTE FUNCTION sla_refuse_change();
CREATE TRIGGER sla_incidentupdate_append_only BEFORE UPDATE OR DELETE ON sla_incidentupdate
    FOR EACH ROW EXECUTE FUNCTION sla_refuse_change();
CREATE TRIGGER sla_slacredit_only_state BEFORE UPDATE ON sla_slacredit
    FOR EACH ROW EXECUTE FUNCTION sla_only_state();
CREATE TRIGGER sla_slacredit_kept BEFORE DELETE ON sla_slacredit
    FOR EACH ROW EXECUTE FUNCTION sla_refuse_change();
