"""Giving a reservation to another project of the same organization."""

from django.db import transaction

from portal.audit.services import record
from portal.core.actors import Actor, ActorKind
from portal.core.constraints import refuse
from portal.core.errors import Forbidden, InvalidInput, NotFound
from portal.core.repeating import repeatable
from portal.operations.models import Operation
from portal.operations.services.events import tell
from portal.reservations.budget_check import check_budgets
from portal.reservations.charges import charges_of
from portal.reservations.models import Quote, Reservation
from portal.reservations.quota_check import check_quotas
from portal.reservations.services.alter import locked, require, write
from portal.reservations.states import ReservationState
from portal.tenancy.models import Project
from portal.tenancy.roles import Verb
from portal.tenancy.scope import Scope

STATES = (ReservationState.SCHEDULED, ReservationState.ACTIVE)


@repeatable
@transaction.atomic
def transfer(*, scope: Scope, actor: Actor, reservation: Reservation, to: Project) -> Reservation:
    """Give a reservation to another project of the organization, with its quote and the record of its operations.

    Its servers go on as they are, also with the SSH keys that they were prepared with. Raises NotFound for another
    project's reservation and another organization's project, Forbidden for who may not reserve in both, StateConflict,
    InvalidInput on ``project`` or ``name``, BudgetExceeded and QuotaExceeded; then nothing has changed.
    """
    require(scope, reservation, Verb.RESERVE)
    _require_target(scope, actor, to)
    fresh = locked(reservation, STATES)
    source = fresh.project
    check_budgets(project=to, asked=charges_of(fresh), span=fresh.span, currency=fresh.currency, beside=fresh)
    check_quotas(
        project=to,
        server_type=fresh.server_type,
        region=fresh.region,
        count=fresh.count,
        period=fresh.span,
        beside=fresh,
    )
    taken = f"The project {to.name} has a reservation named {fresh.name!r}."
    with refuse("reservation_name_once", InvalidInput.of("name", "duplicate", taken)):
        write(fresh, project=to)
    # What shows them asks for the project that they are of.
    Quote.objects.filter(reservation=fresh).update(project=to)
    Operation.objects.filter(subject=fresh.public_id).update(project=to)
    _note(actor, fresh, source, to)
    return fresh


def _require_target(scope: Scope, actor: Actor, to: Project) -> None:
    if to.organization_id != scope.organization.pk:
        raise NotFound("Your organization has no such project.")
    if to.pk == scope.project.pk:
        raise InvalidInput.of("project", "same", "The reservation is in this project already.")
    # The role of a person holds in all projects of an organization, that of a token in its own one.
    if actor.kind == ActorKind.TOKEN:
        raise Forbidden(f"An API token acts for one project: a member of {scope.organization.name} can do this.")


def _note(actor: Actor, reservation: Reservation, source: Project, target: Project) -> None:
    organization = reservation.organization.public_id
    data = {"reservation": reservation.public_id, "from": source.public_id, "to": target.public_id}
    for verb, row in (
        ("reservation.transferred", reservation),
        ("project.reservation_given", source),
        ("project.reservation_received", target),
    ):
        record(actor=actor, verb=verb, target=row.public_id, scope=organization, data=data)
    tell(
        actor=actor,
        subject=reservation.public_id,
        event_type="reservation.transferred",
        source=source.name,
        target=target.name,
    )
