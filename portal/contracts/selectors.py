"""Questions about what sales agreed."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import models

from portal.contracts.models import Commitment, Contract, ContractLine, ContractReservation, Document, Renewal
from portal.contracts.states import OFFERED, SHOWN, ContractState
from portal.core import clock
from portal.core.errors import NotFound
from portal.reservations.models import Reservation
from portal.tenancy.models import Organization
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
    return contracts_behind([reservation.pk]).get(reservation.pk)


def contracts_behind(reservations: Iterable[int]) -> dict[int, Contract]:
    """Return the same by the pks of reservations; those without a contract are left out. One statement."""
    rows = (
        ContractReservation.objects.select_related("line__contract")
        .filter(reservation__in=list(reservations))
        .order_by("line__contract__version")
    )
    return {row.reservation_id: row.line.contract for row in rows}


def booked_beside(organization: Organization, reservations: Iterable[Reservation]) -> set[int]:
    """Return the pks of reservations that a customer booked by itself beyond what a contract sold it.

    Those of the type and region of a line that allows more on demand, which begin in its time, booked while the
    contract was in force. One statement.
    """
    lines = list(
        ContractLine.objects.select_related("contract").filter(
            contract__organization=organization, contract__activated_at__isnull=False, overflow__gt=0
        )
    )
    return {row.pk for row in reservations if any(_allows(line, row) for line in lines)}


def _allows(line: ContractLine, row: Reservation) -> bool:
    contract = line.contract
    ended = None if contract.state == ContractState.ACTIVE else contract.state_changed_at
    return (
        not row.is_committed
        and (line.server_type_id, line.region_id) == (row.server_type_id, row.region_id)
        and line.span.start <= row.span.start < line.span.end
        and (contract.activated_at or row.created_at) <= row.created_at
        and (ended is None or row.created_at <= ended)
    )


def served_under(contract: Contract) -> list[int]:
    """Return the pks of the reservations that any version of a contract has or had."""
    line = {
        "contract_lines__line__contract__year": contract.year,
        "contract_lines__line__contract__serial": contract.serial,
    }
    return list(Reservation.objects.filter(**line).order_by("pk").distinct().values_list("pk", flat=True))


def commitments_over(organization: Organization, until: datetime) -> list[Commitment]:
    """Return the minimum spends whose time was over by an instant, each of the last version that was in force.

    Their time is over with the term, or with the contract where that ended early.
    """
    ended = models.Q(contract__ends_early_at__lte=until) | models.Q(
        contract__ends_early_at=None, period__endswith__lte=until
    )
    replaced = Contract.objects.filter(amends=models.OuterRef("contract"), activated_at__isnull=False)
    return list(
        Commitment.objects.select_related("contract")
        .filter(~models.Exists(replaced), ended, contract__organization=organization)
        .order_by("pk")
    )


def renewal_due() -> models.Q:
    """Return the condition of contracts that are to be renewed by themselves: nobody gave notice in time.

    Those for which a renewal was begun are left out.
    """
    notice = models.ExpressionWrapper(
        models.F("notice_days") * models.Value(timedelta(days=1)), output_field=models.DurationField()
    )
    return models.Q(
        ~models.Exists(renewals_of(models.OuterRef("year"), models.OuterRef("serial"))),
        state=ContractState.ACTIVE,
        renewal=Renewal.AUTOMATIC,
        ends_early_at=None,
        term__endswith__gt=clock.now(),
        term__endswith__lte=clock.now() + notice,
    )


def renewals_of(year: Any, serial: Any) -> models.QuerySet[Contract]:
    """Return what was begun, and not lost, to follow any version of a contract."""
    return Contract.objects.filter(renews__year=year, renews__serial=serial).exclude(state=ContractState.LOST)


def due_contracts() -> models.QuerySet[Contract]:
    """Return contracts whose offer has run out, that are in force past their end, or that renew by themselves."""
    now = clock.now()
    late = models.Q(state__in=OFFERED, valid_until__lte=now)
    over = models.Q(state=ContractState.ACTIVE) & (models.Q(term__endswith__lte=now) | models.Q(ends_early_at__lte=now))
    return Contract.objects.filter(late | over | renewal_due()).order_by("pk")
