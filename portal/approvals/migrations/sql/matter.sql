-- The same trigger as before, which also keeps which matter of its subject an approval is about.
DROP TRIGGER approval_asked_once ON approvals_approval;
CREATE TRIGGER approval_asked_once BEFORE UPDATE ON approvals_approval
    FOR EACH ROW
    WHEN (
        (OLD.public_id, OLD.created_at, OLD.kind, OLD.subject, OLD.matter, OLD.data, OLD.organization_id,
         OLD.requested_by_id, OLD.requester_kind, OLD.requester_id, OLD.requester_label, OLD.reason)
        IS DISTINCT FROM
        (NEW.public_id, NEW.created_at, NEW.kind, NEW.subject, NEW.matter, NEW.data, NEW.organization_id,
         NEW.requested_by_id, NEW.requester_kind, NEW.requester_id, NEW.requester_label, NEW.reason)
        OR (OLD.decided_by_id IS NOT NULL AND OLD.decided_by_id IS DISTINCT FROM NEW.decided_by_id)
    )
    EXECUTE FUNCTION approval_refuse_change();
