"""What somebody looks for: server type, region, number and time. The reserve page carries the same fields along."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Self, cast

from django import forms

from portal.core import clock
from portal.core.errors import InvalidInput
from portal.core.periods import Period
from portal.fleet.models import Region, ServerType
from portal.fleet.selectors import regions, server_types
from portal.reservations.capacity import Demand
from portal.reservations.models import Placement
from portal.reservations.request import MAX_COUNT, check_period, min_length

UNITS = {"minutes": timedelta(minutes=1), "hours": timedelta(hours=1), "days": timedelta(days=1)}
MAX_DURATION = 10_000
BOUNDS = {"min_value": "At least %(limit_value)s.", "max_value": "At most %(limit_value)s."}
START_DELAY = timedelta(seconds=2)
"""A start "now" is set a moment ahead, so that the period is exactly as long as what was asked for and priced."""


@dataclass(frozen=True)
class Plan:
    """A search that was understood. ``starts_now`` means that the period was counted from this moment."""

    server_type: ServerType | None
    region: Region | None
    count: int
    period: Period
    placement: str
    starts_now: bool

    @property
    def demand(self) -> Demand:
        """The search as a demand on one pool. Raises ValueError where type or region was left open."""
        if self.server_type is None or self.region is None:
            raise ValueError("A search for any type or region is not a demand on one pool.")
        return Demand(self.server_type, self.region, self.count, self.period, self.placement)


class PlanForm(forms.Form):
    """The search. Without a start it is now; the end is given, or counted from the start by a duration."""

    type = forms.ChoiceField(label="Server type", required=False)
    region = forms.ChoiceField(label="Region", required=False)
    count = forms.IntegerField(
        label="Servers",
        min_value=1,
        max_value=MAX_COUNT,
        error_messages=BOUNDS,
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
    )
    placement = forms.ChoiceField(label="Placement", choices=Placement.choices)
    start = forms.DateTimeField(
        label="Start (UTC)",
        required=False,
        help_text="Empty: now",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    duration = forms.IntegerField(
        label="Duration", required=False, min_value=1, max_value=MAX_DURATION, error_messages=BOUNDS
    )
    unit = forms.ChoiceField(label="Unit", choices=[(unit, unit) for unit in UNITS])
    end = forms.DateTimeField(
        label="or end (UTC)",
        required=False,
        help_text="Counts before the duration",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )

    DEFAULTS: ClassVar[dict[str, str]] = {
        "type": "",
        "region": "",
        "count": "1",
        "placement": Placement.SAME_FABRIC.value,
        "start": "",
        "duration": "24",
        "unit": "hours",
        "end": "",
    }

    def __init__(self, *args: Any, exact: bool = False, **kwargs: Any) -> None:
        """Fill the choices; ``exact`` demands one type and one region."""
        super().__init__(*args, **kwargs)
        self.types = {row.slug: row for row in server_types()}
        self.regions = {row.code: row for row in regions()}
        self._choose("type", "Any type", [(row.slug, row.name) for row in self.types.values()], exact=exact)
        self._choose("region", "All regions", [(row.code, row.code) for row in self.regions.values()], exact=exact)

    def _choose(self, name: str, everything: str, choices: list[tuple[str, str]], *, exact: bool) -> None:
        field = cast(forms.ChoiceField, self.fields[name])
        field.required = exact
        field.choices = choices if exact else [("", everything), *choices]

    @classmethod
    def of(cls, asked: Mapping[str, str], *, exact: bool = False) -> Self:
        """Return the form bound to the search among ``asked``, with the usual values for what is not there."""
        return cls(cls.DEFAULTS | {name: asked[name] for name in cls.DEFAULTS if name in asked}, exact=exact)

    def clean(self) -> dict[str, Any]:
        """Put the period together, where start, duration and end were each understood."""
        values = super().clean() or {}
        if not {"start", "duration", "end"} & set(self.errors):
            self._clean_period(values)
        elif values.get("start"):
            # How long is not understood, but from when is: say now what would be said after the next attempt.
            self._check_period(values["start"], _after(values["start"], min_length()), counted="duration")
        return values

    def _clean_period(self, values: dict[str, Any]) -> None:
        start: datetime | None = values.get("start")
        end = self._end(values, start)
        if end is None:
            self.add_error("duration", forms.ValidationError("Give a duration or an end.", code="required"))
            return
        counted = "duration" if values.get("end") is None else "end"
        values["period"] = self._check_period(start or self._now(), end, counted=counted)

    def _check_period(self, start: datetime, end: datetime, *, counted: str) -> Period | None:
        try:
            return check_period(start, end)
        except InvalidInput as error:
            for item in error.errors:
                name = "start" if item.field == "starts_at" else counted
                self.add_error(name, forms.ValidationError(item.detail, code=item.code))
        return None

    def _now(self) -> datetime:
        return (clock.now() + START_DELAY).replace(microsecond=0)

    def _end(self, values: dict[str, Any], start: datetime | None) -> datetime | None:
        end: datetime | None = values.get("end")
        if end is not None:
            return end
        duration: int | None = values.get("duration")
        unit: str | None = values.get("unit")
        if not duration or not unit:
            return None
        return _after(start or self._now(), duration * UNITS[unit])

    def plan(self) -> Plan:
        """Return the search. Only for a valid form."""
        values = self.cleaned_data
        return Plan(
            server_type=self.types.get(values["type"]),
            region=self.regions.get(values["region"]),
            count=values["count"],
            period=values["period"],
            placement=values["placement"],
            starts_now=values["start"] is None,
        )


def _after(start: datetime, span: timedelta) -> datetime:
    """Return ``start`` and ``span`` together; past the year 9999 the last instant, which is refused as too far."""
    try:
        return start + span
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)
