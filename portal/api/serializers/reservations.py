"""How a reservation looks."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

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
LINE = ("label", "quantity", "amount")
UNTOUCHED = (ReservationState.HELD, ReservationState.SCHEDULED, ReservationState.CANCELLED, ReservationState.EXPIRED)
"""States that a reservation is in, or ends in, before anybody has worked on its servers."""


class ReservationOut(serializers.Serializer[Reservation]):
    """A number of servers of one type in one region for one period."""

    id = serializers.CharField(help_text="`res_...`")
    name = serializers.CharField()
    state = serializers.ChoiceField(choices=RESERVATION_STATES)
    state_reason = serializers.CharField(allow_blank=True)
    state_changed_at = InstantField()
    degraded = serializers.BooleanField(help_text="True where fewer servers were handed over than reserved.")
    server_type = serializers.CharField()
    region = serializers.CharField()
    count = serializers.IntegerField()
    gpu_count = serializers.IntegerField(help_text="GPUs in all servers together.")
    servers_ready = serializers.IntegerField(help_text="Servers that are handed over now.")
    starts_at = InstantField()
    ends_at = InstantField()
    placement = serializers.ChoiceField(choices=Placement.choices)
    image = serializers.CharField(allow_null=True, help_text="A hold has none.")
    ssh_keys = serializers.ListField(child=serializers.CharField(), help_text="Public keys as they were when made.")
    has_user_data = serializers.BooleanField(help_text="What it says may be secret and is not shown.")
    labels = serializers.DictField(child=serializers.CharField())
    price = MoneyOut()
    rate_per_gpu_hour = MoneyOut(help_text="Of what was reserved at first.")
    price_lines = PriceLineOut(many=True, help_text="What the price is made of; what was changed has lines of its own.")
    cancellation = CancellationOut()
    hold_expires_at = InstantField(allow_null=True, help_text="Null unless `held`: accept its quote until then.")
    progress = ProgressOut()
    operation = serializers.CharField(
        allow_null=True, help_text="The latest that prepares or takes back servers; null before the first."
    )
    project = serializers.CharField()
    requested_by = serializers.CharField()
    created_at = InstantField()

    def to_representation(self, row: Reservation) -> dict[str, Any]:
        """Write the row: by hand, because a list of a hundred is asked for often and fields are slow."""
        progress: Progress | None = self.context["progresses"].get(row.public_id)
        span, is_held = row.span, row.state == ReservationState.HELD
        return {
            "id": row.public_id,
            "name": row.name,
            "state": row.state,
            "state_reason": row.state_reason,
            "state_changed_at": as_rfc3339(row.state_changed_at),
            "degraded": row.degraded,
            "server_type": row.server_type.slug,
            "region": row.region.code,
            "count": row.count,
            "gpu_count": row.gpu_count,
            "servers_ready": self.context["ready"].get(row.pk, 0),
            "starts_at": as_rfc3339(span.start),
            "ends_at": as_rfc3339(span.end),
            "placement": row.placement,
            "image": row.image.public_id if row.image else None,
            "ssh_keys": row.ssh_keys,
            "has_user_data": bool(row.user_data),
            "labels": row.labels,
            "price": row.total.as_json(),
            "rate_per_gpu_hour": {"amount": Rate(row.rate_per_gpu_hour, row.currency).amount, "currency": row.currency},
            "price_lines": [{name: line[name] for name in LINE} for line in row.price_lines],
            "cancellation": cancellation_document(row),
            "hold_expires_at": as_rfc3339(row.state_deadline_at) if is_held and row.state_deadline_at else None,
            "progress": progress_document(progress) if progress else _progress_before(row, span.start),
            "operation": progress.operation.public_id if progress else None,
            "project": row.project.public_id,
            "requested_by": row.requested_by,
            "created_at": as_rfc3339(row.created_at),
        }


def _progress_before(row: Reservation, start: datetime) -> dict[str, Any]:
    """Return progress before the first operation: when it will be through at the latest."""
    if row.state in FINAL:
        return {"stage": "done", "done": 0, "total": row.count, "eta": None}
    return {"stage": "waiting", "done": 0, "total": row.count, "eta": as_rfc3339(start)}


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
    writer = ReservationOut(context=context)
    return [writer.to_representation(row) for row in rows]
