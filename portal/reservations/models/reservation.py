"""Reservations."""

from decimal import Decimal

from django.contrib.postgres.fields import DateTimeRangeField
from django.contrib.postgres.indexes import GistIndex
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from portal.catalog.models import OSImage, SlaTier
from portal.core import ids
from portal.core.models import Identified, Stateful, known_state
from portal.core.money import Money
from portal.core.periods import Period
from portal.fleet.models import Region, ServerType
from portal.reservations.models.ranges import bounded
from portal.reservations.states import LIVE, RESERVATION, TO_COME, WITHOUT_IMAGE
from portal.tenancy.models import Organization, Project

NAME_PATTERN = r"^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$"
"""A reservation's name begins its servers' host names, so it must be part of a DNS label (RFC 1123 section 2.1)."""


COUNTED = Q(state__in=sorted(LIVE)) | Q(handed_over_at__isnull=False)
"""What counts against quotas: what is to come or is used, and what was used."""


class Placement(models.TextChoices):
    """How the servers must lie to one another."""

    SAME_FABRIC = "same_fabric", "Same fabric"
    ANY = "any", "Any"


class Reservation(Identified, Stateful):
    """A number of servers of one type in one region for one period."""

    ID_PREFIX = ids.Prefix.RESERVATION
    STATES = RESERVATION

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="reservations")
    # No index where nobody looks by it, or where another begins with it: each is written with every booking.
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="reservations", db_index=False)
    name = models.CharField(max_length=40)
    server_type = models.ForeignKey(ServerType, on_delete=models.PROTECT, related_name="+", db_index=False)
    region = models.ForeignKey(Region, on_delete=models.PROTECT, related_name="+", db_index=False)
    count = models.PositiveIntegerField()
    period = DateTimeRangeField()
    placement = models.CharField(max_length=16, choices=Placement.choices)
    image = models.ForeignKey(
        OSImage,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        db_index=False,
        help_text="A hold has none yet.",
    )
    ssh_keys = models.JSONField(help_text="Public key lines as they were when it was made.")
    user_data = models.TextField(blank=True, default="")
    labels = models.JSONField(default=dict, blank=True)
    rate_per_gpu_hour = models.DecimalField(max_digits=12, decimal_places=6)
    price = models.DecimalField(max_digits=16, decimal_places=2)
    currency = models.CharField(max_length=3)
    price_lines = models.JSONField(default=list, blank=True, help_text="What the price is made of, in order.")
    cancellation_terms = models.JSONField(default=list, blank=True, help_text="As they were when it was made.")
    cancellation_fee = models.DecimalField(max_digits=16, decimal_places=2, default=Decimal(0))
    is_committed = models.BooleanField(
        default=False, help_text="Capacity that a contract reserves: it does not count against quotas."
    )
    sla_tier = models.ForeignKey(
        SlaTier,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        db_index=False,
        help_text="Promised.",
    )
    requested_by = models.CharField(max_length=200)
    degraded = models.BooleanField(default=False)
    end_announced_at = models.DateTimeField(null=True, blank=True)
    handed_over_at = models.DateTimeField(null=True, blank=True)
    start_delayed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        permissions = [("decide_forced_release", "Can decide on releases of what a customer uses")]
        indexes = [
            models.Index(fields=["project", "-id"], name="reservation_by_project"),
            # Limits are held against what overlaps a period, however much an organization has had or has to come.
            GistIndex(fields=["organization", "period"], condition=COUNTED, name="reservation_counted"),
        ]
        constraints = [
            known_state(RESERVATION, "reservation_state_known"),
            bounded("period", "reservation_period_bounded"),
            models.CheckConstraint(condition=Q(count__gte=1), name="reservation_count"),
            models.CheckConstraint(
                condition=Q(price__gte=0, cancellation_fee__gte=0, cancellation_fee__lte=F("price")),
                name="reservation_price",
            ),
            models.CheckConstraint(
                condition=Q(image__isnull=False) | Q(state__in=sorted(WITHOUT_IMAGE)), name="reservation_has_image"
            ),
            models.CheckConstraint(condition=Q(name__regex=NAME_PATTERN), name="reservation_name_is_label"),
            models.UniqueConstraint(
                F("project"), Lower("name"), condition=Q(state__in=sorted(LIVE)), name="reservation_name_once"
            ),
        ]

    @property
    def span(self) -> Period:
        """The period as a value."""
        return Period.of_range(self.period)

    @property
    def total(self) -> Money:
        """What is owed for it: the agreed price; once it is over without a hand-over, what calling it off cost."""
        is_owed = self.handed_over_at is not None or self.state in TO_COME
        return Money(self.price if is_owed else self.cancellation_fee, self.currency)

    @property
    def gpu_count(self) -> int:
        """GPUs in all servers together."""
        return self.count * self.server_type.gpu_count
