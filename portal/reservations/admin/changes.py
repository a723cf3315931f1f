"""Another end for a reservation, on behalf of the customer: first the price, then the deed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from django import forms

from portal.audit.staff.acts import Act, Values, act_on, in_state
from portal.audit.staff.forms import Moment, ReasonForm
from portal.core import clock
from portal.core.actors import SYSTEM, Actor
from portal.core.errors import DomainError, PriceChanged
from portal.core.money import Money
from portal.core.refusals import show_refusal
from portal.reservations.models import Reservation
from portal.reservations.services.alter import RUNNING
from portal.reservations.services.behalf import extend_for, scope_for, shorten_for
from portal.reservations.services.extend import look_at_extension
from portal.reservations.services.shorten import look_at_shortening


@dataclass(frozen=True)
class Cost:
    """What a reservation would cost in all with another end, and that as a sentence."""

    total: Money
    said: str


class EndForm(ReasonForm):
    """A new end. What it costs is said first; who sends the form again agrees to that, and the service asks no more.

    ``cost`` works that out for a reservation and an end, and raises what the service would raise.
    """

    cost: ClassVar["staticmethod[[Reservation, datetime], Cost]"]
    ends_at = Moment(label="New end")
    agreed = forms.DecimalField(required=False, widget=forms.HiddenInput)
    agreed_end = Moment(required=False, widget=forms.HiddenInput)
    field_order = ("ends_at", "reason", "agreed", "agreed_end")

    def __init__(self, *args: Any, row: Reservation | None = None, **kwargs: Any) -> None:
        """Say the present end, which is overwritten in its field."""
        super().__init__(*args, row=row, **kwargs)
        self.fields["ends_at"].help_text = f"UTC. It ends at {row.span.end:%Y-%m-%d %H:%M} now." if row else "UTC."

    def clean(self) -> dict[str, Any]:
        """Ask for consent to the price where none is given yet to that of this end."""
        values = super().clean() or {}
        agreed, agreed_end = values.get("agreed"), values.pop("agreed_end", None)
        if self.row is None or values.get("ends_at") is None:
            return values
        if self.errors or agreed is None or agreed_end != values["ends_at"]:
            self._ask(self.row, values["ends_at"])
        else:
            values["agreed"] = Money(agreed, self.row.currency)
        return values

    def add_error(self, field: str | None, error: Any) -> None:
        """Where the service finds that it costs more than was agreed to, ask for consent to that."""
        if getattr(error, "code", None) == PriceChanged.code:
            self._ask(Reservation.objects.get(pk=self.row.pk), self.cleaned_data["ends_at"])
        else:
            super().add_error(field, error)

    def _ask(self, reservation: Reservation, ends_at: datetime) -> None:
        try:
            cost = type(self).cost(reservation, ends_at)
        except DomainError as error:
            show_refusal(self, error)
            return
        if self.errors:
            # What else is wrong comes first.
            return
        # What is sent next holds this price and this end: they are agreed to as they are shown.
        shown = {"agreed": cost.total.amount, "agreed_end": self.data["ends_at"]}
        self.data = {**self.data.dict(), **shown}  # type: ignore[attr-defined]
        self.notice = f"{cost.said} Nothing is done yet: send it again to do it."
        self.go = f"Agree to {cost.total} in all"
        self.add_error(None, forms.ValidationError(self.notice, code="not_agreed"))


def _of_extension(reservation: Reservation, ends_at: datetime) -> Cost:
    """Say what the added time costs. Whether there is room the service says."""
    look = look_at_extension(scope_for(SYSTEM, reservation.project), reservation, ends_at)
    room = "" if look.fits else f" {look.blocked} of its servers are promised to others."
    latest = f" It can end at {clock.as_rfc3339(look.latest_end)} at the latest." if look.latest_end else ""
    said = f"The added time costs {look.added}; in all it is {look.total} then.{room}{latest if room else ''}"
    return Cost(look.total, said)


def _of_shortening(reservation: Reservation, ends_at: datetime) -> Cost:
    """Say what is owed for the time that is called off."""
    look = look_at_shortening(scope_for(SYSTEM, reservation.project), reservation, ends_at)
    said = f"Calling the rest off costs {look.fee}; in all it is {look.total} then, {look.saved} less than now."
    return Cost(look.total, said)


class ExtendForm(EndForm):
    """A later end."""

    cost = staticmethod(_of_extension)


class ShortenForm(EndForm):
    """An earlier end."""

    cost = staticmethod(_of_shortening)


def _extend(actor: Actor, row: Reservation, values: Values) -> None:
    extend_for(actor=actor, reservation=row, **values)


def _shorten(actor: Actor, row: Reservation, values: Values) -> None:
    shorten_for(actor=actor, reservation=row, **values)


def _present_end(row: Reservation | None) -> dict[str, Any]:
    return {"ends_at": row.span.end} if row is not None else {}


act_on(
    Reservation,
    Act(
        name="extend",
        title="Extend",
        permission="reservations.change_reservation",
        perform=_extend,
        form=ExtendForm,
        initial=_present_end,
        fits=in_state(*RUNNING),
        effects=(
            "The customer keeps the same servers until the new end, at the list price of now for the added time.",
            "Quotas hold; where the servers are promised to others it is refused.",
        ),
        done="{row} ends later.",
        icon="more_time",
    ),
    Act(
        name="shorten",
        title="Shorten",
        permission="reservations.change_reservation",
        perform=_shorten,
        form=ShortenForm,
        initial=_present_end,
        fits=in_state(*RUNNING),
        effects=(
            "The servers are taken back and erased at the new end. What is called off costs what was agreed for "
            "that much notice.",
        ),
        done="{row} ends earlier.",
        icon="timer_off",
    ),
)
