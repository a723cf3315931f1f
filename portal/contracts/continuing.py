"""What of a later version goes on from the one before it: what keeps its reservation, and what may not change."""

from collections.abc import Sequence

from portal.contracts.models import Contract, ContractLine, ContractReservation
from portal.contracts.states import ContractState
from portal.contracts.wishes import LineWish, at_line
from portal.core import clock
from portal.core.errors import FieldError, InvalidInput, StateConflict
from portal.reservations.models import Reservation
from portal.reservations.states import ReservationState

BEGUN = (ReservationState.PROVISIONING, ReservationState.ACTIVE)


def require_in_force(before: Contract, after: str) -> None:
    """Raise StateConflict where a later version would have nothing to go on from; ``after`` is what is refused."""
    if before.state != ContractState.ACTIVE:
        text = f"{before} is {before.state}: {after}."
        raise StateConflict(text, extra={"state": before.state})
    if before.ends_early_at is not None:
        text = f"{before} ends early, at {clock.as_rfc3339(before.ends_early_at)}: {after}."
        raise StateConflict(text, extra={"state": before.state})


def is_same(line: ContractLine, before: ContractLine) -> bool:
    """Tell whether a line asks of machines and money what an earlier one does, so that its reservation serves it."""
    ours, theirs = (
        (one.server_type_id, one.region_id, one.count, one.span, one.placement, one.sla_tier_id)
        for one in (line, before)
    )
    return ours == theirs and line.money.net == before.money.net


def goes_on(contract: Contract, wish: LineWish) -> bool:
    """Tell whether a line is one of the version before, unchanged in machines and money: its price is agreed already.

    It is not measured by the prices of today: they may have risen, or it is not sold any more.
    """
    before = wish.origin
    if before is None or contract.amends_id is None or before.contract_id != contract.amends_id:
        return False
    tier = wish.sla_tier.pk if wish.sla_tier else None
    ours = (wish.server_type.pk, wish.region.pk, wish.count, wish.period, wish.placement, tier)
    theirs = (
        before.server_type_id,
        before.region_id,
        before.count,
        before.span,
        before.placement,
        before.sla_tier_id,
    )
    return ours == theirs and (wish.unit_price, wish.discount) == (before.unit_price, before.discount)


def kept_lines(contract: Contract, lines: Sequence[ContractLine]) -> dict[int, Reservation]:
    """Return the reservations that go on to serve lines of a later version, by the lines' pks."""
    if contract.amends_id is None:
        return {}
    before = {
        row.line_id: row
        for row in ContractReservation.objects.select_related(
            "line__server_type", "line__contract", "reservation__server_type"
        ).filter(line__contract=contract.amends_id)
    }
    kept: dict[int, Reservation] = {}
    for line in lines:
        row = before.get(line.origin_id or 0)
        if row is not None and is_same(line, row.line):
            # Each reservation serves one line, also where a row was copied.
            del before[row.line_id]
            kept[line.pk] = row.reservation
    return kept


def changed_lines(contract: Contract, lines: Sequence[ContractLine]) -> list[ContractLine]:
    """Return the lines that need servers of their own: all, or what a later version adds or changes.

    Raises InvalidInput where a line in force that has begun would be changed or left out: a cluster that is in use is
    neither moved nor shrunk by a contract.
    """
    kept = kept_lines(contract, lines)
    going_on = {reservation.pk for reservation in kept.values()}
    errors = []
    for row in dropped(contract, going_on):
        if row.reservation.state in BEGUN:
            text = (
                f"Line {row.line.position + 1} of the version in force has begun; leave it as it is, and add another "
                "line for more."
            )
            at = next((line.position for line in lines if line.origin_id == row.line_id), None)
            error = FieldError("count", "has_begun", text)
            errors.append(FieldError("lines", error.code, text) if at is None else at_line(at, error))
    if errors:
        raise InvalidInput(errors[0].detail, errors=errors)
    return [line for line in lines if line.pk not in kept]


def dropped(contract: Contract, going_on: set[int]) -> list[ContractReservation]:
    """Return what serves the version before and does not go on."""
    if contract.amends_id is None:
        return []
    rows = ContractReservation.objects.select_related("line", "reservation").filter(line__contract=contract.amends_id)
    return [row for row in rows.order_by("reservation") if row.reservation_id not in going_on]
