"""What somebody looks for: server type, region, number and time. The reserve page carries the same fields along."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Self, cast

from django import forms

from portal.core import clock
from portal.core.errors import InvalidInput
from portal.core.periods import Period
from portal.fleet.models import Fabric, Region, ServerType
from portal.fleet.selectors import regions, server_types
from portal.reservations.capacity import Demand
from portal.reservations.models import Placement
from portal.reservations.request import MAX_COUNT, check_period, min_length
from portal.web.forms.lengths import LengthField

BOUNDS = {"min_value": "At least %(limit_value)s.", "max_value": "At most %(limit_value)s."}
MOMENT = {"invalid": "Write it like 2026-12-02 12:00."}
POOL_PARTS = ("type", "region", "fabric")
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
    fabric: Fabric | None = None

    @property
    def demand(self) -> Demand:
        """The search as a demand on one pool. Raises ValueError where type or region was left open."""
        if self.server_type is None or self.region is None:
            raise ValueError("A search for any type or region is not a demand on one pool.")
        return Demand(self.server_type, self.region, self.count, self.period, self.placement, fabric=self.fabric)


def _moment(label: str, placeholder: str) -> forms.DateTimeField:
    attrs = {"placeholder": placeholder, "autocomplete": "off", "spellcheck": "false"}
    return forms.DateTimeField(
        label=label, required=False, error_messages=MOMENT, widget=forms.DateTimeInput(attrs=attrs)
    )


def understood(asked: Mapping[str, str]) -> dict[str, str]:
    """Return the fields without what a page only showed, and did not ask.

    An end that is still as it was shown moves along with the start. A number that stands twice on the page counts where
    it was changed.
    """
    found = dict(asked)
    shown, shown_count = found.pop("shown", ""), found.pop("shown_count", "")
    if found.get("end") == shown:
        found["end"] = ""
    count = found.pop("panel_count", shown_count)
    if count != shown_count:
        found["count"] = count
    return found


def picked(key: str) -> dict[str, str]:
    """Return the fields of a pool's key, ``type@region@fabric``; nothing for what is none."""
    parts = key.split("@")
    return dict(zip(POOL_PARTS, parts, strict=True)) if len(parts) == len(POOL_PARTS) else {}


class PlanForm(forms.Form):
    """The search. Without a start it is now; the end is given, or counted from the start by a length.

    ``fabric`` is a name in the region, empty for any one; it counts only where all servers are to be in one.
    """

    type = forms.ChoiceField(label="GPU", required=False)
    region = forms.ChoiceField(label="Region", required=False)
    fabric = forms.CharField(label="Fabric", required=False, max_length=80, widget=forms.HiddenInput)
    count = forms.IntegerField(
        label="Servers",
        min_value=1,
        max_value=MAX_COUNT,
        error_messages=BOUNDS,
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
    )
    placement = forms.ChoiceField(label="Placement", choices=Placement.choices)
    start = _moment("Start (UTC)", "now")
    length = LengthField(label="Duration", required=False)
    end = _moment("End (UTC)", "2026-12-16 12:00")

    DEFAULTS: ClassVar[dict[str, str]] = {
        "type": "",
        "region": "",
        "fabric": "",
        "count": "1",
        "placement": Placement.SAME_FABRIC.value,
        "start": "",
        "length": "1d",
        "end": "",
    }

    def __init__(self, *args: Any, exact: bool = False, **kwargs: Any) -> None:
        """Fill the choices; ``exact`` demands one type and one region."""
        super().__init__(*args, **kwargs)
        self.types = {row.slug: row for row in server_types()}
        self.regions = {row.code: row for row in regions()}
        self._choose("type", "Any GPU", [(row.slug, row.name) for row in self.types.values()], exact=exact)
        self._choose("region", "All regions", [(row.code, row.code) for row in self.regions.values()], exact=exact)
        cast(LengthField, self.fields["length"]).offer(str(self.data.get("length", "")))

    def _choose(self, name: str, everything: str, choices: list[tuple[str, str]], *, exact: bool) -> None:
        field = cast(forms.ChoiceField, self.fields[name])
        field.required = exact
        field.choices = choices if exact else [("", everything), *choices]

    @classmethod
    def of(cls, asked: Mapping[str, str], *, exact: bool = False) -> Self:
        """Return the form bound to the search among ``asked``, with the usual values for what is not there."""
        found = understood(asked)
        if exact:
            found |= picked(found.get("pick", ""))
        return cls(cls.DEFAULTS | {name: found[name] for name in cls.DEFAULTS if name in found}, exact=exact)

    def clean(self) -> dict[str, Any]:
        """Put the period together, where start, length and end were each understood."""
        values = super().clean() or {}
        self._clean_fabric(values)
        if not {"start", "length", "end"} & set(self.errors):
            self._clean_period(values)
        elif values.get("start"):
            # How long is not understood, but from when is: say now what would be said after the next attempt.
            self._check_period(values["start"], _after(values["start"], min_length()), counted="length")
        return values

    def _clean_fabric(self, values: dict[str, Any]) -> None:
        name, region = values.get("fabric"), self.regions.get(values.get("region") or "")
        values["fabric"] = None
        if not name or region is None or values.get("placement") != Placement.SAME_FABRIC:
            return
        values["fabric"] = Fabric.objects.filter(region=region, name=name).first()
        if values["fabric"] is None:
            self.add_error("fabric", forms.ValidationError("There is no such fabric in this region.", code="unknown"))

    def _clean_period(self, values: dict[str, Any]) -> None:
        start: datetime | None = values.get("start")
        end = self._end(values, start)
        if end is None:
            self.add_error("length", forms.ValidationError("Give a duration or an end.", code="required"))
            return
        counted = "length" if values.get("end") is None else "end"
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
        length: timedelta | None = values.get("length")
        return _after(start or self._now(), length) if length else None

    def wanted(self) -> dict[str, Any]:
        """Return what was understood of type, region, number and placement, also where the rest was not."""
        values = getattr(self, "cleaned_data", {})
        return {
            "server_type": self.types.get(values.get("type", "")),
            "region": self.regions.get(values.get("region", "")),
            "count": values.get("count"),
            "placement": values.get("placement"),
        }

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
            fabric=values["fabric"],
        )


def _after(start: datetime, span: timedelta) -> datetime:
    """Return ``start`` and ``span`` together; past the year 9999 the last instant, which is refused as too far."""
    try:
        return start + span
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)
