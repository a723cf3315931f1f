"""Telling the webhooks of a project what becomes of its contracts."""

from portal.contracts.models import Contract
from portal.core import clock
from portal.core.actors import Actor
from portal.webhooks.services.announcing import announce


def tell_of(actor: Actor, contract: Contract, event_type: str) -> None:
    """Tell of a contract as it is now; ``reason`` is why it ended, where it did."""
    told = {
        "id": contract.public_id,
        "number": contract.number,
        "version": contract.version,
        "title": contract.title,
        "state": contract.state,
        "starts_at": clock.as_rfc3339(contract.span.start),
        "ends_at": clock.as_rfc3339(contract.span.end),
        "sign_until": clock.as_rfc3339(contract.valid_until) if contract.valid_until else None,
        "reason": contract.state_reason,
    }
    announce(actor=actor, event_type=event_type, data=told, projects=[contract.project])
