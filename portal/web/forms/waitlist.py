"""The waiting list's form: a wish that is flexible in time."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Self

from django import forms

from portal.core import clock
from portal.reservations.request import WaitlistRequest
from portal.web.forms.lengths import LengthField, length_code
from portal.web.forms.plan import PlanForm
from portal.web.forms.search import written

FLEXIBLE = timedelta(days=7)
"""How much later a start is offered to be at first."""


class WaitlistForm(PlanForm):
    """Type, region, number and placement as in a search; a length; between when it begins; and at most for how much."""

    length = LengthField(label="Duration")
    start = forms.DateTimeField(label="Earliest start (UTC)", widget=forms.DateTimeInput(attrs={"autocomplete": "off"}))
    latest = forms.DateTimeField(label="Latest start (UTC)", widget=forms.DateTimeInput(attrs={"autocomplete": "off"}))
    ceiling = forms.DecimalField(
        label="At most in total",
        required=False,
        max_digits=16,
        decimal_places=2,
        help_text="Empty: at any price of the list.",
    )
    end = None  # type: ignore[assignment]
    fabric = None  # type: ignore[assignment]
    field_order = ("type", "region", "count", "placement", "length", "start", "latest", "ceiling")

    DEFAULTS = {name: value for name, value in PlanForm.DEFAULTS.items() if name not in ("end", "fabric")} | {
        "latest": "",
        "ceiling": "",
    }

    @classmethod
    def beside(cls, asked: Mapping[str, str]) -> Self:
        """Return the form, not yet sent, filled with a search: its length, and a week in which it may begin."""
        plan_form = PlanForm.of(asked, exact=True)
        if not plan_form.is_valid():
            return cls(exact=True, initial=cls.DEFAULTS | {"start": written(clock.now())})
        plan = plan_form.plan()
        start = plan.period.start.replace(second=0)
        form = cls(
            exact=True,
            initial={
                "type": plan_form.data["type"],
                "region": plan_form.data["region"],
                "count": plan.count,
                "placement": plan.placement,
                "length": length_code(plan.period.duration),
                "start": written(start),
                "latest": written(start + FLEXIBLE),
            },
        )
        form.fields["length"].offer(form.initial["length"])  # type: ignore[attr-defined]
        return form

    def clean(self) -> dict[str, Any]:
        """Leave the times to the service: there is no one period to check."""
        return self.cleaned_data

    def request(self) -> WaitlistRequest:
        """Return the wish. Only for a valid form."""
        values = self.cleaned_data
        return WaitlistRequest(
            server_type=self.types[values["type"]],
            region=self.regions[values["region"]],
            count=values["count"],
            duration=values["length"],
            earliest=values["start"],
            latest=values["latest"],
            ceiling=values["ceiling"],
            placement=values["placement"],
        )
