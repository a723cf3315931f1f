"""Asking who must agree to an offer, and what becomes of their answers."""

from django.db import transaction

from portal.approvals.models import TEXT_LENGTH, Approval
from portal.approvals.services import request_approval, withdraw
from portal.approvals.states import ApprovalState
from portal.audit.transitions import advance
from portal.contracts.models import Contract, ContractApproval, ContractLine
from portal.contracts.needs import needs_of, totals_of
from portal.contracts.rules import Approver, Need
from portal.contracts.states import ContractState
from portal.core import clock
from portal.core.actors import Actor
from portal.core.constraints import refuse
from portal.core.errors import Forbidden, StateConflict
from portal.core.locks import lock_row, lock_rows

KINDS = {Approver.SALES_LEAD: "contract_terms", Approver.FINANCE: "contract_payment"}
"""Names of the kinds of approval by who gives it."""
OWN = "Who wrote a contract does not approve it: somebody else must."


def ask(*, actor: Actor, contract: Contract, lines: list[ContractLine]) -> None:
    """Ask everybody who must agree to an offer. Call it in the transaction that makes the offer."""
    total = totals_of(contract, lines)
    for need in needs_of(contract, lines):
        approval = request_approval(
            actor=actor,
            kind=KINDS[need.approver],
            subject=contract.public_id,
            data={"number": str(contract), "total": str(total.total), "rules": list(need.codes)},
            reason=_why(need, lines),
            organization=contract.organization,
        )
        ContractApproval.objects.create(
            contract=contract,
            role=need.approver,
            approval=approval.public_id,
            reasons=list(need.reasons),
            author=contract.author,
        )


def _why(need: Need, lines: list[ContractLine]) -> str:
    """Return why somebody must agree, with what the author says of lines below the floor."""
    said = [f"Line {line.position + 1}: {line.below_floor_reason}" for line in lines if line.money.is_below_floor]
    return " ".join([*need.reasons, *(said if "below_floor" in need.codes else ())])[:TEXT_LENGTH]


def lock_asked(contract: Contract) -> None:
    """Lock what waits for a decision on a contract: whoever locks both locks these first, as the queue does."""
    lock_rows(Approval.objects.filter(subject=contract.public_id, state=ApprovalState.PENDING))


def take_back(*, actor: Actor, contract: Contract, reason: str) -> None:
    """Void what was asked for, and agreed, for an offer that no longer stands."""
    asked = list(contract.approvals.filter(is_void=False))
    contract.approvals.filter(is_void=False).update(is_void=True)
    waiting = Approval.objects.filter(
        public_id__in=[row.approval for row in asked], state=ApprovalState.PENDING
    ).order_by("pk")
    for approval in waiting:
        withdraw(actor=actor, approval=approval, reason=reason)


@transaction.atomic
def agree(*, actor: Actor, approval: Approval) -> None:
    """Note that somebody agreed; with the last of them the offer is approved. The queue of approvals calls it.

    Raises StateConflict where the offer no longer stands, Forbidden for its author.
    """
    row = _open_row(approval)
    contract = lock_row(Contract, row.contract_id)
    if contract.state != ContractState.QUOTED:
        raise StateConflict(
            f"{contract} is {contract.state}: there is nothing to agree to.", extra={"state": contract.state}
        )
    with refuse("contract_approval_two_people", Forbidden(OWN)):
        ContractApproval.objects.filter(pk=row.pk).update(
            decided_by=approval.decided_by, decided_at=clock.now(), comment=approval.comment
        )
    if not contract.approvals.filter(is_void=False, decided_at=None).exists():
        advance(
            contract,
            ContractState.APPROVED,
            actor=actor,
            scope=contract.organization.public_id,
            reason=approval.comment,
            state_deadline_at=contract.valid_until,
        )


def _open_row(approval: Approval) -> ContractApproval:
    row = ContractApproval.objects.filter(approval=approval.public_id, is_void=False).first()
    if row is None:
        raise StateConflict("The contract was changed after this was asked for.")
    return row
