"""Quotes: a price that is kept, and with a hold also the capacity."""

from django.contrib.postgres.fields import DateTimeRangeField
from django.db import models
from django.db.models import Q

from portal.catalog.selectors import PriceQuote, QuoteLine
from portal.catalog.terms import CancellationTerms
from portal.core import ids
from portal.core.models import Identified, Stateful, known_state
from portal.core.money import Money
from portal.core.periods import Period
from portal.fleet.models import Fabric, Region, ServerType
from portal.reservations.models.ranges import bounded
from portal.reservations.models.reservation import Placement, Reservation
from portal.reservations.models.waitlist import WaitlistEntry
from portal.reservations.states import QUOTE
from portal.tenancy.models import Organization, Project


class Quote(Identified, Stateful):
    """A price for servers that holds until ``expires_at``. ``reservation`` is its hold, and what became of it."""

    ID_PREFIX = ids.Prefix.QUOTE
    STATES = QUOTE

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="quotes")
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="quotes")
    server_type = models.ForeignKey(ServerType, on_delete=models.PROTECT, related_name="+")
    region = models.ForeignKey(Region, on_delete=models.PROTECT, related_name="+")
    count = models.PositiveIntegerField()
    period = DateTimeRangeField()
    placement = models.CharField(max_length=16, choices=Placement.choices)
    fabric = models.ForeignKey(Fabric, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    rate_per_gpu_hour = models.DecimalField(max_digits=12, decimal_places=6)
    price = models.DecimalField(max_digits=16, decimal_places=2)
    currency = models.CharField(max_length=3)
    price_lines = models.JSONField(default=list, blank=True)
    cancellation_terms = models.JSONField(default=list, blank=True)
    expires_at = models.DateTimeField()
    is_hold = models.BooleanField(default=False, help_text="Whether the capacity is booked until then.")
    reservation = models.OneToOneField(
        Reservation, on_delete=models.PROTECT, related_name="quote", null=True, blank=True
    )
    waitlist_entry = models.ForeignKey(
        WaitlistEntry, on_delete=models.PROTECT, related_name="offers", null=True, blank=True
    )
    requested_by = models.CharField(max_length=200)

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["project", "-id"], name="quote_by_project")]
        constraints = [
            known_state(QUOTE, "quote_state_known"),
            bounded("period", "quote_period_bounded"),
            models.CheckConstraint(condition=Q(count__gte=1), name="quote_count"),
            models.CheckConstraint(condition=Q(price__gte=0), name="quote_price"),
            models.CheckConstraint(
                condition=Q(is_hold=False) | Q(reservation__isnull=False), name="quote_hold_has_reservation"
            ),
            models.CheckConstraint(
                condition=~Q(state="accepted") | Q(reservation__isnull=False), name="quote_accepted_has_reservation"
            ),
        ]

    @property
    def span(self) -> Period:
        """The period as a value."""
        return Period.of_range(self.period)

    @property
    def total(self) -> Money:
        """The price as money."""
        return Money(self.price, self.currency)

    def as_price(self) -> PriceQuote:
        """Return the price with its lines and terms as they were quoted."""
        return PriceQuote(
            count=self.count,
            gpus=self.gpu_count,
            hours=self.span.hours,
            rate=self.rate_per_gpu_hour,
            total=self.total,
            terms=CancellationTerms.of_json(self.cancellation_terms),
            lines=tuple(QuoteLine.of_json(line) for line in self.price_lines),
        )

    @property
    def gpu_count(self) -> int:
        """GPUs in all servers together."""
        return self.count * self.server_type.gpu_count
