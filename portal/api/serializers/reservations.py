"""How a reservation looks."""

from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from portal.api.fields import DRY_RUN, InstantField, MoneyOut, Rate
from portal.api.serializers.choices import RESERVATION_STATES
from portal.api.serializers.prices import CancellationOut, PriceLineOut, cancellation_document
from portal.api.serializers.progress import ProgressOut, progress_document
from portal.core.clock import as_rfc3339
from portal.core.states import Nature
from portal.reservations.models import Placement, Reservation
from portal.reservations.selectors import Progress, progresses_of, ready_counts
from portal.reservations.states import ALLOCATIONS_OF, RESERVATION, AllocationState, ReservationState

FINAL = RESERVATION.named(Nature.FINAL)
UNTOUCHED = (ReservationState.HELD, ReservationState.SCHEDULED, ReservationState.CANCELLED, ReservationState.EXPIRED)
"""States that a reservation is in, or ends in, before anybody has worked on its servers."""


class ReservationOut(serializers.Serializer[Reservation]):
    """A number of servers of one type in one region for one period."""

    id = serializers.CharField(source="public_id", help_text="`res_...`")
    name = serializers.CharField()
    state = serializers.ChoiceField(choices=RESERVATION_STATES)
    state_reason = serializers.CharField(allow_blank=True)
    state_changed_at = InstantField()
    degraded = serializers.BooleanField(help_text="True where fewer servers were handed over than reserved.")
    server_type = serializers.CharField(source="server_type.slug")
    region = serializers.CharField(source="region.code")
    count = serializers.IntegerField()
    gpu_count = serializers.IntegerField(help_text="GPUs in all servers together.")
    servers_ready = serializers.SerializerMethodField(help_text="Servers that are handed over now.")
    starts_at = InstantField(source="span.start")
    ends_at = InstantField(source="span.end")
    placement = serializers.ChoiceField(choices=Placement.choices)
    image = serializers.CharField(source="image.public_id", allow_null=True, default=None, help_text="A hold has none.")
    ssh_keys = serializers.ListField(child=serializers.CharField(), help_text="Public keys as they were when made.")
    has_user_data = serializers.SerializerMethodField()
    labels = serializers.DictField(child=serializers.CharField())
    price = MoneyOut(source="total")
    rate_per_gpu_hour = serializers.SerializerMethodField(help_text="Of what was reserved at first.")
    price_lines = PriceLineOut(many=True, help_text="What the price is made of; what was changed has lines of its own.")
    cancellation = serializers.SerializerMethodField()
    hold_expires_at = serializers.SerializerMethodField(help_text="Null unless `held`: accept its quote until then.")
    progress = serializers.SerializerMethodField()
    operation = serializers.SerializerMethodField(help_text="The latest operation; null before the first.")
    project = serializers.CharField(source="project.public_id")
    requested_by = serializers.CharField()
    created_at = InstantField()

    def _progress(self, row: Reservation) -> Progress | None:
        return self.context["progresses"].get(row.public_id)  # type: ignore[no-any-return]

    def get_servers_ready(self, row: Reservation) -> int:
        """Return how many servers are handed over now."""
        return self.context["ready"].get(row.pk, 0)  # type: ignore[no-any-return]

    def get_has_user_data(self, row: Reservation) -> bool:
        """Tell whether there is user-data; what it says may be secret and is not shown."""
        return bool(row.user_data)

    @extend_schema_field(MoneyOut)
    def get_rate_per_gpu_hour(self, row: Reservation) -> Any:
        """Return the rate that the price was computed from."""
        return MoneyOut(Rate(row.rate_per_gpu_hour, row.currency)).data

    @extend_schema_field(CancellationOut)
    def get_cancellation(self, row: Reservation) -> Any:
        """Return what calling off costs."""
        return cancellation_document(row)

    @extend_schema_field(InstantField(allow_null=True))
    def get_hold_expires_at(self, row: Reservation) -> str | None:
        """Return when a hold returns by itself."""
        until = row.state_deadline_at if row.state == ReservationState.HELD else None
        return as_rfc3339(until) if until else None

    @extend_schema_field(ProgressOut)
    def get_progress(self, row: Reservation) -> Any:
        """Return how far the latest operation is; before the first, when it will be through at the latest."""
        progress = self._progress(row)
        if progress:
            return progress_document(progress)
        is_final = row.state in FINAL
        waiting = {"stage": "done" if is_final else "waiting", "done": 0, "total": row.count}
        eta = None if is_final else row.span.start
        return ProgressOut({**waiting, "eta": eta}).data

    def get_operation(self, row: Reservation) -> str | None:
        """Return the id of the latest operation."""
        progress = self._progress(row)
        return progress.operation.public_id if progress else None


class WrittenReservationOut(ReservationOut):
    """A reservation after a write, or as it would be after it."""

    dry_run = DRY_RUN


def reservation_documents(rows: Sequence[Reservation]) -> list[dict[str, Any]]:
    """Return reservations as the API writes them, with as many queries for many as for one."""
    context = {
        "progresses": progresses_of(row for row in rows if row.state not in UNTOUCHED),
        "ready": ready_counts(
            row for row in rows if AllocationState.SERVING in ALLOCATIONS_OF[ReservationState(row.state)]
        ),
    }
    return [dict(ReservationOut(row, context=context).data) for row in rows]
