"""The waiting list: what is waited for, and what came of it."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from portal.api.fields import DRY_RUN, Amount, Input, InstantField, MoneyOut, Whole
from portal.api.queries import PageQuery
from portal.api.serializers.choices import WAITLIST_STATES
from portal.api.serializers.windows import WindowMixin, wish_of
from portal.core.money import Money
from portal.reservations.models import Placement, WaitlistEntry
from portal.reservations.request import WaitlistRequest
from portal.reservations.selectors import open_offers_of, places_in_queue
from portal.reservations.states import WaitlistState


class WaitlistQuery(PageQuery):
    """Which entries."""

    state = serializers.ListField(
        child=serializers.ChoiceField(choices=WAITLIST_STATES), required=False, help_text="May be given several times."
    )


class WaitlistIn(WindowMixin, Input[WaitlistRequest]):
    """What to wait for."""

    count = Whole(help_text="Number of servers.")
    hours = Whole(help_text="For how long they are wanted.")
    ceiling = Amount(
        required=False,
        allow_null=True,
        default=None,
        help_text="The most that all may cost together, in the organization's currency. Null: any list price.",
    )

    def wish(self) -> WaitlistRequest:
        """Return the request. Only for valid input."""
        return wish_of(self.validated_data)


class OfferedOut(serializers.Serializer[Any]):
    """The quote that is offered: accept it with `POST /quotes/{id}/accept`."""

    quote = serializers.CharField(source="public_id")
    starts_at = InstantField(source="span.start")
    ends_at = InstantField(source="span.end")
    price = MoneyOut(source="total")
    expires_at = InstantField()


class WaitlistEntryOut(serializers.Serializer[WaitlistEntry]):
    """A wish that waits for capacity, and gets a firm offer once there is some."""

    id = serializers.CharField(source="public_id", help_text="`wai_...`")
    state = serializers.ChoiceField(choices=WAITLIST_STATES)
    state_reason = serializers.CharField(allow_blank=True)
    state_changed_at = InstantField()
    place = serializers.SerializerMethodField(help_text="Place in the queue, 1 is next; null where it does not wait.")
    obstacle = serializers.CharField(allow_blank=True, help_text="What but capacity stands in its way, such as quota.")
    offer = serializers.SerializerMethodField()
    missed_offers = serializers.IntegerField(help_text="Offers that were not accepted in time.")
    server_type = serializers.CharField(source="server_type.slug")
    region = serializers.CharField(source="region.code")
    count = serializers.IntegerField()
    hours = serializers.SerializerMethodField()
    earliest = InstantField()
    latest = InstantField()
    placement = serializers.ChoiceField(choices=Placement.choices)
    ceiling = serializers.SerializerMethodField()
    project = serializers.CharField(source="project.public_id")
    requested_by = serializers.CharField()
    created_at = InstantField()

    def get_place(self, row: WaitlistEntry) -> int | None:
        """Return the place in the queue."""
        place: int | None = self.context["places"].get(row.pk)
        return place

    @extend_schema_field(OfferedOut(allow_null=True))
    def get_offer(self, row: WaitlistEntry) -> Any:
        """Return what is offered now; null where nothing is."""
        quote = self.context["offers"].get(row.pk) if row.state == WaitlistState.OFFERED else None
        return OfferedOut(quote).data if quote else None

    def get_hours(self, row: WaitlistEntry) -> float:
        """Return for how long they are wanted."""
        hours = Decimal(row.duration.total_seconds()) / 3600
        return int(hours) if hours == int(hours) else float(round(hours, 2))

    @extend_schema_field(MoneyOut(allow_null=True))
    def get_ceiling(self, row: WaitlistEntry) -> Any:
        """Return the most that all may cost together; null for any list price."""
        return None if row.ceiling is None else Money(row.ceiling, row.currency).as_json()


class WrittenWaitlistEntryOut(WaitlistEntryOut):
    """An entry after a write, or as it would be after it."""

    dry_run = DRY_RUN


def waitlist_documents(rows: Sequence[WaitlistEntry]) -> list[dict[str, Any]]:
    """Return entries as the API writes them, with as many queries for many as for one."""
    context = {"places": places_in_queue(rows), "offers": open_offers_of(rows)}
    return [dict(WaitlistEntryOut(row, context=context).data) for row in rows]
