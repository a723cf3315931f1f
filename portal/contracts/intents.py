"""What becomes of the queue of approvals' decisions on contracts."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q

from portal.approvals.kinds import Kind
from portal.approvals.models import Approval
from portal.audit.models import AuditEvent
from portal.contracts.models import Contract, ContractApproval
from portal.contracts.rules import Approver
from portal.contracts.services.asking import KINDS, OWN, agree
from portal.contracts.services.drafting import WRITTEN
from portal.contracts.services.ending import EARLY_END, end_as_agreed
from portal.contracts.services.quoting import reopen_contract
from portal.contracts.states import OFFER_LASTS, ContractState
from portal.core.actors import Actor
from portal.tenancy.models import User


def _agree(actor: Actor, approval: Approval) -> None:
    agree(actor=actor, approval=approval)


def _drop(actor: Actor, approval: Approval) -> None:
    """Give an offer that was not agreed to back to its author. Where the offer has moved on, nothing is to be done."""
    row = ContractApproval.objects.filter(approval=approval.public_id, is_void=False).first()
    if row is None:
        return
    contract = Contract.objects.get(pk=row.contract_id)
    if contract.state == ContractState.QUOTED:
        said = f": {approval.comment}" if approval.comment else ""
        reopen_contract(actor=actor, contract=contract, reason=f"{approval.state}{said}")


def _size(data: Mapping[str, Any]) -> str:
    return str(data.get("total", ""))


def _written_by(person: User) -> Q:
    """Return the condition of decisions on contracts that a person began, or wrote anew for a colleague."""
    began = ContractApproval.objects.filter(author=person).values("approval")
    wrote = AuditEvent.objects.filter(target=OuterRef("subject"), actor_id=person.public_id, verb__in=WRITTEN)
    return Q(public_id__in=began) | Q(Exists(wrote))


TERMS = Kind(
    KINDS[Approver.SALES_LEAD],
    "Contract terms",
    "contracts.decide_contract_terms",
    _agree,
    _drop,
    _size,
    OFFER_LASTS,
    _written_by,
    OWN,
)
PAYMENT = Kind(
    KINDS[Approver.FINANCE],
    "Contract payment terms",
    "contracts.decide_contract_payment",
    _agree,
    _drop,
    _size,
    OFFER_LASTS,
    _written_by,
    OWN,
)


def _end(actor: Actor, approval: Approval) -> None:
    end_as_agreed(actor=actor, approval=approval)


def _when(data: Mapping[str, Any]) -> str:
    return f"{data.get('number', '')}, ends at {data.get('at', '')}"


END = Kind(
    EARLY_END,
    "Early end of a contract in use",
    "contracts.decide_contract_end",
    _end,
    size=_when,
    wait=timedelta(days=3),
)
