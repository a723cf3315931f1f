"""Putting a reservation's servers on the calendar: what reserving, holding, enlarging and accepting share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from portal.catalog.models import OSImage, SlaTier
from portal.catalog.selectors import PriceQuote
from portal.core import clock
from portal.core.actors import Actor
from portal.core.constraints import refuse
from portal.core.errors import InsufficientCapacity, InvalidInput
from portal.core.inserting import insert
from portal.core.periods import Period
from portal.core.repeating import undone
from portal.reservations import capacity
from portal.reservations.calendar import HeldByOthers
from portal.reservations.capacity import Demand
from portal.reservations.models import Allocation, Reservation
from portal.reservations.request import Particulars
from portal.reservations.services.holds import expire_due_holds
from portal.reservations.services.moves import make_room
from portal.reservations.states import AllocationState, ReservationState
from portal.tenancy.models import Project

TAKEN = "The servers were taken meanwhile."
Made = TypeVar("Made")


@dataclass(frozen=True)
class Wording:
    """How a new reservation is called and what its servers are prepared with, as it is written."""

    name: str
    image: OSImage | None = None
    ssh_keys: Sequence[str] = ()
    user_data: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, particulars: Particulars) -> "Wording":
        """Take down what was asked for: the keys as they are now."""
        return cls(
            particulars.name,
            particulars.image,
            [key.public_key for key in particulars.ssh_keys],
            particulars.user_data,
            dict(particulars.labels),
        )


@dataclass(frozen=True)
class Promise:
    """That capacity is a contract's: it counts against no quota, and is served by a tier (None: by the default one)."""

    sla_tier: SlaTier | None = None


Pick = Callable[[Demand, Period], list[int]]
"""Locks servers for a demand until the transaction ends and returns their pks."""


def pick(demand: Demand, span: Period) -> list[int]:
    """Lock servers, and wait for those whom others hold for now. Raises InsufficientCapacity."""
    return _found(capacity.take(demand, span))


def pick_at_once(demand: Demand, span: Period) -> list[int]:
    """Lock servers that nobody holds. Raises InsufficientCapacity, and HeldByOthers."""
    return _found(capacity.take(demand, span, is_patient=False))


def _found(servers: list[int] | None) -> list[int]:
    if servers is None:
        raise InsufficientCapacity(TAKEN)
    return servers


def write_reservation(
    *,
    actor: Actor,
    project: Project,
    demand: Demand,
    price: PriceQuote,
    wording: Wording,
    state: ReservationState,
    deadline: datetime | None = None,
    promise: Promise | None = None,
) -> Reservation:
    """Write the row. Raises InvalidInput on ``name`` for one that the project uses already."""
    taken = f"The project has a reservation named {wording.name!r}; choose another name."
    # Whoever books does it in a block of its own, which a refusal undoes.
    with refuse("reservation_name_once", InvalidInput.of("name", "duplicate", taken), savepoint=False):
        made = Reservation(
            state=state,
            state_deadline_at=deadline,
            organization=project.organization,
            project=project,
            name=wording.name,
            server_type=demand.server_type,
            region=demand.region,
            count=demand.count,
            period=demand.period.as_range(),
            placement=demand.placement,
            image=wording.image,
            ssh_keys=list(wording.ssh_keys),
            user_data=wording.user_data,
            labels=dict(wording.labels),
            requested_by=actor.label[:200],
            is_committed=promise is not None,
            sla_tier=promise.sla_tier if promise else None,
            **as_quoted(price),
        )
        insert([made])
    return made


def as_quoted(price: PriceQuote) -> dict[str, Any]:
    """Return the fields that keep a price as it was quoted, with its rate and the terms that hold for it."""
    return {
        "rate_per_gpu_hour": price.rate,
        "price": price.total.amount,
        "currency": price.currency,
        "price_lines": [line.as_json() for line in price.lines],
        "cancellation_terms": price.terms.as_json(),
    }


def host_name(name: str, position: int, count: int) -> str:
    """Return the name of the server at a position, counted from 0, of ``count``."""
    return f"{name}-{position + 1:0{max(2, len(str(count)))}d}"


def allocate(reservation: Reservation, servers: Sequence[int], span: Period, *, first: int = 0) -> None:
    """Give servers that were picked to a reservation for ``span``. Raises InsufficientCapacity."""
    turnover = capacity.turnover_period(reservation.server_type, reservation.span.end)
    count = max(reservation.count, first + len(servers))
    now = clock.now()
    alike: dict[str, Any] = {
        "created_at": now,
        "state": AllocationState.BOOKED,
        "state_changed_at": now,
        "reservation": reservation,
        "occupied": span.as_range(),
        "turnover": turnover.as_range() if turnover else None,
    }
    with refuse("allocation_no_overlap", InsufficientCapacity(TAKEN), savepoint=False):
        insert(
            [
                Allocation(
                    server_id=server, position=position, hostname=host_name(reservation.name, position, count), **alike
                )
                for position, server in enumerate(servers, first)
            ]
        )


def with_room(demand: Demand, act: Callable[[Pick], Made]) -> Made:
    """Do ``act``, which books servers for a demand; where they lack, look for room once and try again.

    ``act`` is told how to pick them, and undoes what it did where it fails. Room comes from holds that have run
    out, and from unstarted reservations that can have other servers. Raises InsufficientCapacity with what would fit
    instead.
    """
    try:
        return _sooner_or_later(act)
    except InsufficientCapacity:
        found_room = expire_due_holds(demand.server_type, demand.region)
    if found_room or capacity.fits(demand) or make_room(demand):
        try:
            return _sooner_or_later(act)
        except InsufficientCapacity:
            pass
    raise insufficient(demand)


def whole(act: Callable[[], Made]) -> Made:
    """Do ``act``, which writes nothing before it has picked its servers, and undo what it did where it fails.

    Who finds too little free by picking has nothing to undo.
    """
    return undone("booking", act, anew=HeldByOthers, unwritten=InsufficientCapacity)


def _sooner_or_later(act: Callable[[Pick], Made]) -> Made:
    try:
        return act(pick_at_once)
    except HeldByOthers:
        return act(pick)


def insufficient(demand: Demand) -> InsufficientCapacity:
    """Return the refusal for a demand that does not fit, with what would."""
    available = capacity.free_count(demand)
    later = capacity.next_fit(demand)
    where = "in one fabric " if demand.same_fabric else ""
    hint = f" {demand.count} are free from {clock.as_rfc3339(later.start)}." if later else ""
    return InsufficientCapacity(
        f"{available} of {demand.count} x {demand.server_type.name} are free {where}in {demand.region.code} "
        f"for the whole period.{hint}",
        extra={
            "available": available,
            "next_fit": {"starts_at": clock.as_rfc3339(later.start), "ends_at": clock.as_rfc3339(later.end)}
            if later
            else None,
        },
    )
