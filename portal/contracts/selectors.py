"""Questions about what sales agreed."""

from django.db import models

from portal.contracts.models import Contract, ContractLine, ContractReservation, Document
from portal.contracts.states import OFFERED, SHOWN, ContractState
from portal.core import clock
from portal.core.errors import NotFound
from portal.reservations.models import Reservation
from portal.tenancy.scope import Scope


def contracts_of(scope: Scope) -> models.QuerySet[Contract]:
    """Return the project's contracts that were sent, newest first; drafts are nobody's business but sales'."""
    return (
        Contract.objects.select_related("organization", "project", "amends", "signature")
        .filter(project=scope.project, state__in=SHOWN)
        .order_by("-pk")
    )


def contract_of(scope: Scope, public_id: str) -> Contract:
    """Return one contract of the project. Raises NotFound."""
    contract = contracts_of(scope).filter(public_id=public_id).first()
    if contract is None:
        raise NotFound("This project has no such contract.")
    return contract


def lines_shown(contract: Contract) -> list[ContractLine]:
    """Return the lines in order, with all that a page or a document says of them. One statement."""
    lines = contract.lines.select_related("server_type", "region", "sla_tier", "fulfilment__reservation", "contract")
    return list(lines.order_by("position"))


def document_of(contract: Contract, kind: Document.Kind) -> Document:
    """Return a file of a contract. Raises NotFound."""
    document = contract.documents.filter(kind=kind).first()
    if document is None:
        raise NotFound("There is no such document.")
    return document


def reservations_under(contract: Contract) -> models.QuerySet[Reservation]:
    """Return what serves the lines of a contract, in their order."""
    return Reservation.objects.filter(contract_lines__line__contract=contract).order_by(
        "contract_lines__line__position"
    )


def contract_behind(reservation: Reservation) -> Contract | None:
    """Return the contract in force, or last in force, that a reservation serves; None for one without a contract."""
    row = (
        ContractReservation.objects.select_related("line__contract")
        .filter(reservation=reservation)
        .order_by("-line__contract__version")
        .first()
    )
    return row.line.contract if row else None


def due_contracts() -> models.QuerySet[Contract]:
    """Return contracts whose offer has run out, or that are in force past their end."""
    now = clock.now()
    late = models.Q(state__in=OFFERED, valid_until__lte=now)
    over = models.Q(state=ContractState.ACTIVE) & (models.Q(term__endswith__lte=now) | models.Q(ends_early_at__lte=now))
    return Contract.objects.filter(late | over).order_by("pk")
