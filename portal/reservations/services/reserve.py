"""Making a reservation: all of its servers or a clear refusal."""

from collections.abc import Iterable

from django.db.models import Max

from portal.audit.services import record
from portal.catalog.models import OSImage
from portal.catalog.selectors import quote_price
from portal.core import clock
from portal.core.actors import Actor
from portal.core.errors import InvalidInput
from portal.core.repeating import repeatable
from portal.fleet.models import Drive, ServerType
from portal.operations.services.events import event_of
from portal.reservations import capacity
from portal.reservations.approval import require_approval
from portal.reservations.budget_check import charges_for, check_budgets
from portal.reservations.capacity import Demand
from portal.reservations.enquiries import noted
from portal.reservations.models import Enquiry, Reservation
from portal.reservations.quota_check import check_quotas
from portal.reservations.request import ReservationRequest, check
from portal.reservations.services.booking import Pick, Wording, allocate, whole, with_room, write_reservation
from portal.reservations.services.start import begin_provisioning
from portal.reservations.states import ReservationState
from portal.tenancy.models import Project, SSHKey
from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope


@repeatable
def reserve(*, scope: Scope, actor: Actor, request: ReservationRequest) -> Reservation:
    """Reserve servers for the scope's project; one that starts now begins to be prepared at once.

    Raises Forbidden, InvalidInput (with every wrong field), NoPrice, ApprovalRequired, BudgetExceeded,
    QuotaExceeded or InsufficientCapacity; then nothing has changed.
    """
    scope.require(Verb.RESERVE)
    period = check(request)
    require_own(scope.project, request.image, request.ssh_keys)
    require_fitting(request.server_type, request.image)
    demand = Demand(
        request.server_type, request.region, request.count, period, request.placement, fabric=request.fabric
    )
    return noted(
        Enquiry.Kind.RESERVE,
        scope,
        demand,
        lambda: with_room(demand, lambda pick: whole(lambda: _reserve(scope, actor, request, demand, pick))),
    )


def require_own(project: Project, image: OSImage | None, keys: Iterable[SSHKey]) -> None:
    """Raise InvalidInput on ``image`` for another project's own image, on ``ssh_keys`` for a key of another project."""
    if image is not None and image.project_id not in (None, project.pk):
        raise InvalidInput.of("image", "unknown", "Choose an OS image that this project may use.")
    if any(key.project_id != project.pk for key in keys):
        raise InvalidInput.of("ssh_keys", "unknown", "Choose SSH keys of this project.")


def require_fitting(server_type: ServerType, image: OSImage | None) -> None:
    """Raise InvalidInput on ``image`` for a customer's own one that no drive of such servers holds."""
    if image is None or image.project_id is None:
        return
    drives = Drive.objects.filter(server__server_type=server_type)
    largest: int | None = drives.aggregate(most=Max("size_bytes"))["most"]
    if largest is not None and image.disk_bytes > largest:
        raise InvalidInput.of(
            "image",
            "too_large",
            f"{image.name} has {image.disk_bytes} bytes on the disk, and the largest drive of {server_type.name} has "
            f"{largest}: choose a smaller image, or other servers.",
        )


def _reserve(scope: Scope, actor: Actor, request: ReservationRequest, demand: Demand, pick: Pick) -> Reservation:
    period = demand.period
    # Asked before the servers are chosen: then those of a start that is due were chosen among the ready ones.
    is_due = period.start - request.server_type.lead_time <= clock.now()
    currency = scope.organization.currency
    price = quote_price(request.server_type, request.region, currency, request.count, period, clock.now())
    require_approval(scope, price.total)
    asked = charges_for(price, request.count, period)
    check_budgets(project=scope.project, asked=asked, span=period, currency=currency)
    check_quotas(
        project=scope.project,
        server_type=demand.server_type,
        region=demand.region,
        count=demand.count,
        period=period,
    )
    span = capacity.occupied_period(request.server_type, period)
    servers = pick(demand, span)
    reservation = write_reservation(
        actor=actor,
        project=scope.project,
        demand=demand,
        price=price,
        wording=Wording.of(request.particulars),
        state=ReservationState.SCHEDULED,
    )
    allocate(reservation, servers, span)
    confirm(actor=actor, reservation=reservation)
    if is_due:
        begin_provisioning(actor=actor, reservation=reservation)
    return reservation


def confirm(*, actor: Actor, reservation: Reservation) -> None:
    """Record a new reservation, and tell its customer."""
    told = event_of(
        actor=actor,
        subject=reservation.public_id,
        event_type="reservation.confirmed",
        count=reservation.count,
        server_type=reservation.server_type.name,
        region=reservation.region.code,
    )
    record(
        actor=actor,
        verb="reservation.created",
        target=reservation.public_id,
        scope=reservation.organization.public_id,
        data={
            "count": reservation.count,
            "server_type": reservation.server_type.slug,
            "price": reservation.total.as_json(),
        },
        beside=told,
    )
