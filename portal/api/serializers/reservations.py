"""Reservations: what is sent to make one, and how one looks."""

from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from portal.api.fields import DRY_RUN, Input, InstantField, MoneyOut, Rate, Text, Whole
from portal.api.serializers.choices import RESERVATION_STATES, WishMixin, found
from portal.api.serializers.prices import CancellationOut, PriceLineOut, cancellation_document
from portal.api.serializers.progress import ProgressOut, progress_document
from portal.catalog.models import OSImage
from portal.catalog.selectors import image_of
from portal.core.clock import as_rfc3339
from portal.core.states import Nature
from portal.reservations.models import Placement, Reservation
from portal.reservations.request import ReservationRequest
from portal.reservations.selectors import Progress, progresses_of, ready_counts
from portal.reservations.states import ALLOCATIONS_OF, RESERVATION, AllocationState, ReservationState
from portal.tenancy.models import SSHKey
from portal.tenancy.scope import Scope
from portal.tenancy.selectors import ssh_keys_of

MAX_KEYS = 50
FINAL = RESERVATION.named(Nature.FINAL)
UNTOUCHED = (ReservationState.HELD, ReservationState.SCHEDULED, ReservationState.CANCELLED, ReservationState.EXPIRED)
"""States that a reservation is in, or ends in, before anybody has worked on its servers."""


class ParticularsMixin(serializers.Serializer[Any]):
    """What a reservation is called, and what its servers are prepared with."""

    name = Text(help_text="Lower-case letters, digits, hyphens; at most 40. Host names begin with it.")
    image = Text(help_text="Id or slug of an OS image.")
    ssh_keys = serializers.ListField(
        child=Text(), max_length=MAX_KEYS, help_text="Ids of the project's SSH keys; at least one."
    )
    user_data = Text(default="", help_text="Cloud-init document or script, at most 16 KiB of UTF-8.")
    labels = serializers.DictField(child=Text(), default=dict, help_text="Your own marks, at most 20.")

    def validate_image(self, name: str) -> OSImage:
        """Return the image. Raises ValidationError."""
        return found(image_of, name)

    def validate_ssh_keys(self, ids: list[str]) -> Sequence[SSHKey]:
        """Return the keys. Raises ValidationError for each that is not the project's."""
        keys = {key.public_id: key for key in ssh_keys_of(self.context["scope"]).filter(public_id__in=ids)}
        unknown = {
            index: [serializers.ErrorDetail("This project has no such SSH key.", code="unknown")]
            for index, name in enumerate(ids)
            if name not in keys
        }
        if unknown:
            raise ValidationError(unknown)  # type: ignore[arg-type]
        return [keys[name] for name in dict.fromkeys(ids)]


class ReservationIn(ParticularsMixin, WishMixin, Input[ReservationRequest]):
    """What to reserve. All of the servers are reserved, or none."""

    count = Whole(help_text="Number of servers.")

    def wish(self) -> ReservationRequest:
        """Return the request. Only for valid input."""
        return ReservationRequest(**self.validated_data)


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
        is_held = row.state == ReservationState.HELD and row.state_deadline_at is not None
        return as_rfc3339(row.state_deadline_at) if is_held else None

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


def input_of(scope: Scope, body: Any) -> ReservationRequest:
    """Return the request that a body asks for. Raises ValidationError."""
    given = ReservationIn(data=body, context={"scope": scope})
    given.is_valid(raise_exception=True)
    return given.wish()
