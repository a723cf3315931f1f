"""Forms of acts that have a price: it is said first, and only who sends the form again agrees to it."""

from dataclasses import dataclass
from typing import Any, ClassVar

from django import forms

from portal.audit.staff.forms import ReasonForm
from portal.core.errors import DomainError, PriceChanged
from portal.core.money import Money
from portal.core.refusals import show_refusal
from portal.reservations.models import Reservation


@dataclass(frozen=True)
class Cost:
    """What a reservation would cost in all after an act, and that as a sentence."""

    total: Money
    said: str


class PricedForm(ReasonForm):
    """A form whose field ``priced`` decides on a price. Who agrees to that, agrees to it for what the field holds.

    ``cost`` works the price out for a reservation and that field's value, and raises what the service would raise.
    """

    priced: ClassVar[str]
    cost: ClassVar["staticmethod[[Reservation, Any], Cost]"]
    agreed = forms.DecimalField(required=False, widget=forms.HiddenInput)
    agreed_for = forms.CharField(required=False, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        """Ask for consent to the price where none is given yet to that of this wish."""
        values = super().clean() or {}
        agreed, agreed_for = values.pop("agreed", None), values.pop("agreed_for", "")
        if self.row is None or values.get(self.priced) is None:
            return values
        if self.errors or agreed is None or agreed_for != self.data[self.priced]:
            self._ask(self.row, values[self.priced])
        else:
            values["agreed"] = Money(agreed, self.row.currency)
        return values

    def add_error(self, field: str | None, error: Any) -> None:
        """Where the service finds that it costs more than was agreed to, ask for consent to that."""
        if getattr(error, "code", None) == PriceChanged.code:
            self._ask(Reservation.objects.get(pk=self.row.pk), self.cleaned_data[self.priced])
        else:
            super().add_error(field, error)

    def _ask(self, reservation: Reservation, wish: Any) -> None:
        try:
            cost = type(self).cost(reservation, wish)
        except DomainError as error:
            show_refusal(self, error)
            return
        if self.errors:
            # What else is wrong comes first.
            return
        # What is sent next holds this price and what it is for: they are agreed to as they are shown.
        shown = {"agreed": cost.total.amount, "agreed_for": self.data[self.priced]}
        self.data = {**self.data.dict(), **shown}  # type: ignore[attr-defined]
        self.notice = f"{cost.said} Nothing is done yet: send it again to do it."
        self.go = f"Agree to {cost.total} in all"
        self.add_error(None, forms.ValidationError(self.notice, code="not_agreed"))
