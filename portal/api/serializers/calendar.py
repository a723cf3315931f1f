"""The calendar: pools and slots."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from portal.api.fields import DayField, InstantField, MoneyOut, Rate, Text
from portal.api.queries import Query
from portal.api.serializers.choices import FabricMixin, found
from portal.core import clock
from portal.core.errors import InvalidInput
from portal.fleet.models import Region, ServerType
from portal.fleet.selectors import region_called, server_type_called
from portal.reservations.heatmap import Cell, PoolCalendar, pool_count
from portal.reservations.models import Grain, Placement
from portal.reservations.request import MAX_AHEAD, check_count

GRAINS = {"day": Grain.DAY, "hour": Grain.HOUR}
MOST_DAYS = {Grain.DAY: 90, Grain.HOUR: 14}
MOST_CELLS = 50_000


class CalendarQuery(FabricMixin, Query):
    """Which part of the calendar, and for what."""

    server_type = Text(required=False, default=None, help_text="Id of a server type. Without it: all.")
    region = Text(required=False, default=None, help_text="Id of a region. Without it: all.")
    days = serializers.IntegerField(default=14, help_text="How many days: at most 90, by the hour at most 14.")
    count = serializers.IntegerField(default=1, help_text="Number of servers that `fits` is about.")
    placement = serializers.ChoiceField(choices=Placement.choices, default=Placement.SAME_FABRIC)
    grain = serializers.ChoiceField(choices=[(name, name) for name in GRAINS], default="day")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Return the fields with the one whose name is a word of Python."""
        first = DayField(
            required=False, default=None, help_text="A date, or an instant in the first slot. Without it: now."
        )
        return {**super().get_fields(), "from": first}

    def validate_server_type(self, name: str | None) -> ServerType | None:
        """Return the server type. Raises ValidationError."""
        return None if name is None else found(server_type_called, name)

    def validate_region(self, name: str | None) -> Region | None:
        """Return the region. Raises ValidationError."""
        return None if name is None else found(region_called, name)


def part_of(query: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a CalendarQuery asks ``calendar_of`` for. Raises InvalidInput."""
    grain = GRAINS[query["grain"]]
    check_count(query["count"])
    most, days = MOST_DAYS[grain], query["days"]
    if not 1 <= days <= most:
        raise InvalidInput.of("days", "out_of_range", f"Ask for 1 to {most} days by the {query['grain']}.")
    slots = days * 24 // grain
    pools = {name: query[name] for name in ("server_type", "region", "fabric")}
    if pool_count(**pools) * slots > MOST_CELLS:
        raise InvalidInput.of("days", "too_many", "This is too much at once: ask for fewer days, or name a region.")
    return {
        **pools,
        "count": query["count"],
        "placement": query["placement"],
        "grain": grain,
        "first": _checked(query["from"]),
        "slots": slots,
    }


def _checked(first: datetime | None) -> datetime:
    now = clock.now()
    if first is None:
        return now
    if first < now - timedelta(days=1):
        raise InvalidInput.of("from", "in_the_past", "What is over is not in the calendar; begin today or later.")
    if first > now + MAX_AHEAD:
        raise InvalidInput.of("from", "too_far", f"One can reserve at most {MAX_AHEAD.days} days ahead.")
    return first


class SlotOut(serializers.Serializer[Cell]):
    """A day in UTC, or an hour."""

    starts_at = InstantField()
    free = serializers.IntegerField(help_text="Servers that are free for the whole slot; of the present one: its rest.")
    fits = serializers.BooleanField(help_text="Whether `count` of them are, under the placement that was asked for.")


class PoolCalendarOut(serializers.Serializer[PoolCalendar]):
    """The servers of a type in one fabric."""

    server_type = serializers.CharField(source="pool.server_type.slug")
    region = serializers.CharField(source="pool.region.code")
    fabric = serializers.CharField(source="pool.fabric.name")
    technology = serializers.CharField(source="pool.fabric.technology")
    rate_per_gpu_hour = serializers.SerializerMethodField()
    slots = serializers.SerializerMethodField()

    @extend_schema_field(MoneyOut)
    def get_rate_per_gpu_hour(self, row: PoolCalendar) -> Any:
        """Return the list price."""
        return MoneyOut(Rate(row.rate, row.currency)).data

    @extend_schema_field(SlotOut(many=True))
    def get_slots(self, row: PoolCalendar) -> Any:
        """Return the slots, written without the framework: there are thousands."""
        return [
            {"starts_at": clock.as_rfc3339(cell.starts_at), "free": cell.free, "fits": cell.fits} for cell in row.cells
        ]


class CalendarOut(serializers.Serializer[Any]):
    """What is free, slot by slot."""

    grain = serializers.ChoiceField(choices=[(name, name) for name in GRAINS])
    starts_at = InstantField()
    ends_at = InstantField()
    pools = PoolCalendarOut(many=True)
