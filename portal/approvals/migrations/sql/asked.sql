-- What was asked is what is decided on and what is done: it never changes, and nothing of the history is removed.
CREATE FUNCTION approval_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'approvals are kept' USING ERRCODE = 'restrict_violation';
    END IF;
    RAISE EXCEPTION 'what was asked for does not change' USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER approval_kept BEFORE DELETE ON approvals_approval
    FOR EACH ROW EXECUTE FUNCTION approval_refuse_change();
CREATE TRIGGER approval_asked_once BEFORE UPDATE ON approvals_approval
    FOR EACH ROW
    WHEN (
        (OLD.public_id, OLD.created_at, OLD.kind, OLD.subject, OLD.data, OLD.organization_id, OLD.requested_by_id,
         OLD.requester_kind, OLD.requester_id, OLD.requester_label, OLD.reason)
        IS DISTINCT FROM
        (NEW.public_id, NEW.created_at, NEW.kind, NEW.subject, NEW.data, NEW.organization_id, NEW.requested_by_id,
         NEW.requester_kind, NEW.requester_id, NEW.requester_label, NEW.reason)
        OR (OLD.decided_by_id IS NOT NULL AND OLD.decided_by_id IS DISTINCT FROM NEW.decided_by_id)
    )
    EXECUTE FUNCTION approval_refuse_change();
