"""Forms that come a second time: pressed twice, or sent again."""

from portal.core.errors import InvalidInput
from portal.reservations.models import Reservation
from portal.reservations.selectors import reservations_of
from portal.reservations.states import LIVE
from portal.tenancy.scope import Scope
from portal.tenancy.ssh_keys import parse_public_key
from portal.web.forms.plan import Plan
from portal.web.forms.reserve import ReserveForm


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
