"""Putting a signed contract into force: everything that was agreed is made in one transaction, or nothing is."""

from dataclasses import dataclass, field

from django.db import transaction

from portal.audit.transitions import advance
from portal.catalog.models import OSImage
from portal.catalog.selectors import images
from portal.contracts.continuing import changed_lines, dropped, kept_lines, require_in_force
from portal.contracts.models import Commitment, Contract, ContractHold, ContractLine, ContractReservation
from portal.contracts.needs import lines_of
from portal.contracts.prices import price_of
from portal.contracts.services.holding import by_pool, demand_of, no_room
from portal.contracts.services.telling import tell_of
from portal.contracts.states import ContractState
from portal.core import clock
from portal.core.actors import Actor
from portal.core.errors import InsufficientCapacity, InvalidInput, StateConflict
from portal.core.locks import lock_rows
from portal.core.repeating import repeatable
from portal.quotas.models import Quota
from portal.quotas.selectors import limit_of
from portal.quotas.services.limits import set_quota
from portal.reservations.models import Reservation
from portal.reservations.request import Particulars
from portal.reservations.services.booking import Promise, Wording
from portal.reservations.services.committed import book_committed
from portal.reservations.services.lifecycle import call_off
from portal.reservations.services.quotes import accept_hold
from portal.reservations.states import QuoteState, ReservationState


@dataclass
class Activated:
    """What an activation has made, and what it left as it was."""

    contract: Contract
    reservations: list[Reservation] = field(default_factory=list)
    kept: list[Reservation] = field(default_factory=list)
    called_off: list[Reservation] = field(default_factory=list)
    quotas: list[Quota] = field(default_factory=list)
    commitment: Commitment | None = None


@repeatable
@transaction.atomic
def activate_contract(*, actor: Actor, contract: Contract) -> Activated:
    """Make the reservations, limits and the commitment of a signed contract, and put it into force.

    Raises StateConflict unless it is signed and its term is to come or runs; InvalidInput where the project has no SSH
    key, no image is offered, or a line has too few servers. Then nothing has changed.
    """
    pks = [pk for pk in (contract.pk, contract.amends_id) if pk]
    found = {row.pk: row for row in lock_rows(Contract.objects.filter(pk__in=pks))}
    fresh, before = found[contract.pk], found.get(contract.amends_id or 0)
    _require(fresh, before)
    particulars = _particulars(fresh)
    lines = lines_of(fresh)
    made = Activated(fresh)
    changed = changed_lines(fresh, lines)
    kept = kept_lines(fresh, lines)
    made.kept = list(kept.values())
    if before is not None:
        made.called_off = _call_off(actor, fresh, {reservation.pk for reservation in made.kept})
    taken = {line.pk: _reserve(actor, fresh, line, particulars) for line in by_pool(changed)}
    made.reservations = [taken[line.pk] for line in changed]
    served = {**kept, **taken}
    ContractReservation.objects.bulk_create(
        [ContractReservation(line=line, reservation=served[line.pk]) for line in lines]
    )
    made.quotas = [quota for line in lines if (quota := _raise_quota(actor, fresh, line))]
    made.commitment = _commit(fresh)
    if before is not None:
        reason = f"replaced by {fresh}"
        advance(before, ContractState.TERMINATED, actor=actor, scope=before.organization.public_id, reason=reason)
        tell_of(actor, before, "contract.ended")
    advance(
        fresh,
        ContractState.ACTIVE,
        actor=actor,
        scope=fresh.organization.public_id,
        data=told(made),
        activated_at=clock.now(),
    )
    tell_of(actor, fresh, "contract.activated")
    return made


def told(made: Activated) -> dict[str, object]:
    """Return what was made by public ids, for the record and for people."""
    return {
        "reservations": [row.public_id for row in made.reservations],
        "kept": [row.public_id for row in made.kept],
        "called_off": [row.public_id for row in made.called_off],
        "quotas": [row.public_id for row in made.quotas],
        "commitment": made.commitment.owed.as_json() if made.commitment else None,
    }


def _require(contract: Contract, before: Contract | None) -> None:
    if contract.state != ContractState.COUNTERSIGNED:
        text = f"{contract} is {contract.state}; only one that is countersigned becomes active."
        raise StateConflict(text, extra={"state": contract.state})
    if contract.span.end <= clock.now():
        raise StateConflict(f"The term of {contract} is over.", extra={"state": contract.state})
    if before is not None:
        require_in_force(before, f"{contract} has nothing to replace")


def _particulars(contract: Contract) -> Particulars:
    """Return with what servers are handed over; the name is given line by line."""
    keys = list(contract.project.ssh_keys.order_by("pk"))
    if not keys:
        text = f"{contract.project} has no SSH key, so nobody could log in; the customer adds one first."
        raise InvalidInput.of("project", "no_ssh_key", text)
    return Particulars("", contract.image or _usual_image(contract), keys)


def _usual_image(contract: Contract) -> OSImage:
    image = images(contract.project).filter(project=None).order_by("-pk").first()
    if image is None:
        raise InvalidInput.of("image", "required", "No OS image is offered; publish one, or choose one of the project.")
    return image


def name_of(contract: Contract, line: ContractLine) -> str:
    """Return what the reservation of a line is called: its servers' host names begin with it."""
    version = f"-v{contract.version}" if contract.version > 1 else ""
    return f"{contract.number.lower()}{version}-{line.position + 1}"


def _reserve(actor: Actor, contract: Contract, line: ContractLine, particulars: Particulars) -> Reservation:
    """Book a line: what is held for it if it still is, else what is free now."""
    wanted = Particulars(name_of(contract, line), particulars.image, particulars.ssh_keys)
    hold = ContractHold.objects.select_related("quote").filter(line=line).first()
    if hold is not None and hold.quote.state == QuoteState.OPEN and hold.quote.expires_at > clock.now():
        return accept_hold(actor=actor, quote=hold.quote, particulars=wanted)
    demand = demand_of(line)
    try:
        return book_committed(
            actor=actor,
            project=contract.project,
            demand=demand,
            price=price_of(line, demand.period),
            wording=Wording.of(wanted),
            promise=Promise(line.sla_tier),
        )
    except InsufficientCapacity as error:
        raise no_room(line, error) from error


def _call_off(actor: Actor, contract: Contract, going_on: set[int]) -> list[Reservation]:
    """Call off what the version before had reserved and this one no longer does; what has begun was refused before."""
    rows = [row for row in dropped(contract, going_on) if row.reservation.state == ReservationState.SCHEDULED]
    return [call_off(actor=actor, reservation=row.reservation, reason=f"not part of {contract}") for row in rows]


def _raise_quota(actor: Actor, contract: Contract, line: ContractLine) -> Quota | None:
    """Let the customer reserve what the line allows beyond its own servers; those count against no quota."""
    if not line.overflow:
        return None
    present = limit_of(contract.organization, None, line.server_type, line.region).first()
    if present is not None and present.limit >= line.overflow:
        return None
    return set_quota(
        actor=actor,
        organization=contract.organization,
        server_type=line.server_type,
        region=line.region,
        limit=line.overflow,
        gpu_hours_per_month=present.gpu_hours_per_month if present else None,
    )


def _commit(contract: Contract) -> Commitment | None:
    if not contract.minimum_spend:
        return None
    return Commitment.objects.create(
        contract=contract, period=contract.term, minimum=contract.minimum_spend, currency=contract.currency
    )
