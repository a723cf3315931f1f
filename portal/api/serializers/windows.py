"""Wishes that are flexible in time: servers for some hours, to begin in a window."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from portal.api.field_errors import called
from portal.api.fields import InstantField
from portal.api.serializers.choices import PlaceMixin
from portal.core import clock
from portal.core.periods import Period
from portal.reservations.request import MAX_AHEAD, WaitlistRequest, check_waitlist

MOST_HOURS = 24 * 366 + 1
"""More than any reservation lasts, and no more than an interval can be."""
NAMES = {"duration": "hours"}
"""What the services call a field, and what the API calls it."""


class WindowMixin(PlaceMixin):
    """Which servers, and from when to when they may begin."""

    earliest = InstantField(required=False, allow_null=True, default=None, help_text="Earliest start. Without it: now.")
    latest = InstantField(
        required=False,
        allow_null=True,
        default=None,
        help_text=f"Latest start. Without it: in {MAX_AHEAD.days} days, which is as far ahead as one can reserve.",
    )


def wish_of(values: Mapping[str, Any]) -> WaitlistRequest:
    """Return the wish that the values of a window ask for, with the bounds that were left out."""
    now = clock.now()
    return WaitlistRequest(
        server_type=values["server_type"],
        region=values["region"],
        count=values["count"],
        # What is beyond all bounds stays so, and can be computed with.
        duration=timedelta(hours=max(0, min(values["hours"], MOST_HOURS))),
        earliest=values["earliest"] or now,
        latest=values["latest"] or now + MAX_AHEAD,
        ceiling=values.get("ceiling"),
        placement=values["placement"],
    )


def check_wish(wish: WaitlistRequest) -> Period:
    """Return the first period that a wish allows. Raises InvalidInput with every wrong field, as the API calls it."""
    with called(NAMES):
        return check_waitlist(wish)
