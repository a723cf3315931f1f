"""Reserving from the form: a pasted key and the reservation come about together or not at all, and once."""

from django.db import transaction

from portal.core.errors import FieldError, InvalidInput
from portal.reservations.models import Quote, Reservation
from portal.reservations.request import Particulars, ReservationRequest
from portal.reservations.selectors import reservations_of
from portal.reservations.services.quotes import accept
from portal.reservations.services.reserve import reserve
from portal.reservations.states import LIVE
from portal.tenancy.models import SSHKey
from portal.tenancy.scope import Scope
from portal.tenancy.services import add_ssh_key
from portal.tenancy.ssh_keys import parse_public_key
from portal.web.forms.plan import Plan
from portal.web.forms.reserve import ReserveForm

FORM_NAMES = {"starts_at": "start", "ends_at": "end", "server_type": "type"}
"""What the service calls a field, and what the forms call it."""

KEY_NAMES = {"public_key": "new_key", "name": "new_key_name"}


@transaction.atomic
def place(*, scope: Scope, plan: Plan, form: ReserveForm) -> Reservation:
    """Save the pasted key, if any, and reserve. Raises what ``reserve`` and ``add_ssh_key`` do."""
    values = form.cleaned_data
    keys = _keys(scope, form)
    demand = plan.demand
    request = ReservationRequest(
        name=values["name"],
        server_type=demand.server_type,
        region=demand.region,
        count=demand.count,
        starts_at=plan.period.start,
        ends_at=plan.period.end,
        placement=plan.placement,
        fabric=plan.fabric,
        image=form.images[values["image"]],
        ssh_keys=keys,
        user_data=values["user_data"],
    )
    return reserve(scope=scope, actor=scope.actor, request=request)


@transaction.atomic
def take(*, scope: Scope, quote: Quote, form: ReserveForm) -> Reservation:
    """Save the pasted key, if any, and accept a quote. Raises what ``accept`` and ``add_ssh_key`` do."""
    values = form.cleaned_data
    particulars = Particulars(values["name"], form.images[values["image"]], _keys(scope, form), values["user_data"])
    return accept(scope=scope, actor=scope.actor, quote=quote, particulars=particulars)


def _keys(scope: Scope, form: ReserveForm) -> list[SSHKey]:
    values = form.cleaned_data
    keys: list[SSHKey] = list(values["chosen_keys"])
    if values["new_key"]:
        keys.append(_new_key(scope, values["new_key"], values["new_key_name"]))
    return keys


def _new_key(scope: Scope, text: str, name: str) -> SSHKey:
    try:
        return add_ssh_key(scope=scope, actor=scope.actor, public_key=text, name=name)
    except InvalidInput as error:
        renamed = [FieldError(KEY_NAMES.get(item.field, item.field), item.code, item.detail) for item in error.errors]
        raise InvalidInput(error.detail, errors=renamed) from None


def made_already(*, scope: Scope, plan: Plan, form: ReserveForm) -> Reservation | None:
    """Return the reservation that this very form has made before: its button was pressed twice, or its page sent again.

    That is one of the same person and content that came about after the form was opened. Names are unique among live
    reservations, so there is at most one, and of two requests at once the second is refused and finds the first's.
    The form says itself when it was opened: who forges that is shown a reservation of their own, and nothing more.
    """
    opened_at = form.cleaned_data["opened_at"]
    if opened_at is None:
        return None
    found = reservations_of(scope).filter(
        state__in=LIVE, name=form.cleaned_data["name"], requested_by=scope.actor.label[:200], created_at__gte=opened_at
    )
    demand = plan.demand
    same = found.filter(
        server_type=demand.server_type,
        region=demand.region,
        count=demand.count,
        placement=demand.placement,
        image=form.images[form.cleaned_data["image"]],
        user_data=form.cleaned_data["user_data"],
    ).first()
    return same if same and set(same.ssh_keys) == _key_lines(form) else None


def _key_lines(form: ReserveForm) -> set[str]:
    lines = {key.public_key for key in form.cleaned_data["chosen_keys"]}
    try:
        return lines | {parse_public_key(form.cleaned_data["new_key"]).line} if form.cleaned_data["new_key"] else lines
    except InvalidInput:
        return lines
