"""Reserving from the form: a pasted key and the reservation come about together or not at all, and once."""

from django.db import transaction

from portal.core.errors import FieldError, InvalidInput
from portal.core.repeating import repeatable
from portal.reservations.models import Quote, Reservation
from portal.reservations.request import Particulars, ReservationRequest
from portal.reservations.services.quotes import accept
from portal.reservations.services.reserve import reserve
from portal.tenancy.models import SSHKey
from portal.tenancy.scope import Scope
from portal.tenancy.services import add_ssh_key
from portal.web.forms.plan import Plan
from portal.web.forms.reserve import ReserveForm

FORM_NAMES = {"starts_at": "start", "ends_at": "end", "server_type": "type"}
"""What the service calls a field, and what the forms call it."""

KEY_NAMES = {"public_key": "new_key", "name": "new_key_name"}


@repeatable
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


@repeatable
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
