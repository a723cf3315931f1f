"""The availability page's form: a plan, and which part of the calendar is looked at."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, Self

from django import forms

from portal.core import clock
from portal.web.forms.lengths import length_code
from portal.web.forms.plan import Plan, PlanForm
from portal.web.forms.pressed import day_of, pressed
from portal.web.windows import USUAL_VIEW, VIEWS, Window

SHOWN = "%Y-%m-%d %H:%M"


def written(moment: datetime) -> str:
    """Write an instant as the fields show it; seconds only where there are some."""
    return f"{moment.astimezone(UTC):{SHOWN}{':%S' if moment.second else ''}}"


class SearchForm(PlanForm):
    """The search with its view: how many days from which one on, and which pool is chosen."""

    view = forms.ChoiceField(
        label="View", choices=[(name, words) for name, (words, _) in VIEWS.items()], widget=forms.RadioSelect
    )
    first = forms.DateField(required=False, widget=forms.HiddenInput)
    pick = forms.CharField(required=False, max_length=200, widget=forms.HiddenInput)

    DEFAULTS: ClassVar[dict[str, str]] = {**PlanForm.DEFAULTS, "view": USUAL_VIEW, "first": "", "pick": ""}

    @classmethod
    def of(cls, asked: Mapping[str, str], *, exact: bool = False) -> Self:
        """Return the form bound to what was asked for and pressed."""
        found = pressed(asked)
        # A date that is none, and an unknown view, come from no form of ours: the usual ones are shown instead.
        if day_of(found.get("first", "")) is None:
            found["first"] = ""
        if found.get("view") not in VIEWS:
            found["view"] = cls.DEFAULTS["view"]
        return super().of(found, exact=exact)

    def window(self) -> Window:
        """Return the days to show: those that were asked for, or others where a chosen start is in none of them."""
        view = self.data["view"]
        today = clock.now().date()
        wanted = day_of(self.data["first"])
        start: datetime | None = getattr(self, "cleaned_data", {}).get("start")
        shown = Window.of(view, wanted or today)
        if start and wanted is None and not shown.holds(start.astimezone(UTC).date()):
            return Window.of(view, start.astimezone(UTC).date())
        return shown

    def settle(self, plan: Plan, pick: str) -> None:
        """Show the plan as it was understood: the end that was counted, and the chosen pool."""
        end = plan.period.end.replace(second=0) if plan.starts_now else plan.period.end
        data: dict[str, Any] = {
            **self.data,
            "start": "" if plan.starts_now else written(plan.period.start),
            "end": written(end),
            "length": length_code(plan.period.duration),
            "pick": pick,
            "first": f"{self.window().first}",
        }
        self.data = data
        self.fields["length"].offer(data["length"])  # type: ignore[attr-defined]
