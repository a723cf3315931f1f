"""Contracts and their numbers."""

from decimal import Decimal
from typing import Any

from django.contrib.postgres.fields import DateTimeRangeField
from django.db import models
from django.db.models import Q

from portal.catalog.models import OSImage
from portal.contracts.models.clauses import Clauses
from portal.contracts.states import CONTRACT, ContractState
from portal.contracts.templates import TEMPLATES
from portal.core import ids
from portal.core.models import Identified, Stateful, known_state
from portal.core.money import MINOR_UNITS, Money
from portal.core.periods import Period
from portal.reservations.models.ranges import bounded
from portal.tenancy.models import Organization, Project, User

MOST_PAYMENT_DAYS = 180


class Series(models.Model):
    """The last number of contracts that was given in a year. Whoever gives the next one locks it: no gaps."""

    year = models.PositiveSmallIntegerField(unique=True)
    last = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        """Return the year."""
        return str(self.year)


class Contract(Identified, Stateful, Clauses):
    """What was agreed with a customer. Once it is no draft only its state, and what goes with that, changes.

    A later version has the number of the one that it ``amends``; the two are never active at once.
    """

    ID_PREFIX = ids.Prefix.CONTRACT
    STATES = CONTRACT

    year = models.PositiveSmallIntegerField()
    serial = models.PositiveIntegerField()
    version = models.PositiveSmallIntegerField(default=1)
    amends = models.ForeignKey("self", on_delete=models.PROTECT, related_name="amendments", null=True, blank=True)
    renews = models.ForeignKey("self", on_delete=models.PROTECT, related_name="renewals", null=True, blank=True)
    title = models.CharField(max_length=120)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="contracts")
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="contracts")
    template = models.CharField(max_length=40, choices=[(known.code, known.title) for known in TEMPLATES.values()])
    currency = models.CharField(max_length=3)
    term = DateTimeRangeField()
    payment_days = models.PositiveSmallIntegerField(default=30, help_text="From an invoice to its payment.")
    po_number = models.CharField(max_length=60, blank=True, default="", help_text="Of the customer's order.")
    minimum_spend = models.DecimalField(
        max_digits=16, decimal_places=2, default=Decimal(0), help_text="Owed over the whole term at least."
    )
    image = models.ForeignKey(
        OSImage,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        help_text="With which the servers are handed over.",
    )
    author = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    author_label = models.CharField(max_length=200)
    valid_until = models.DateTimeField(null=True, blank=True, help_text="Until which it can be signed.")
    sent_at = models.DateTimeField(null=True, blank=True)
    activated_at = models.DateTimeField(null=True, blank=True)
    ends_early_at = models.DateTimeField(null=True, blank=True)
    early_end_reason = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        ordering = ["-pk"]
        permissions = [
            ("decide_contract_terms", "Can approve discounts, size and term of contracts"),
            ("decide_contract_payment", "Can approve payment terms of contracts"),
            ("decide_contract_end", "Can approve an early end of contracts whose servers are in use"),
        ]
        constraints = [
            known_state(CONTRACT, "contract_state_known"),
            bounded("term", "contract_term_bounded"),
            models.CheckConstraint(condition=Q(currency__in=sorted(MINOR_UNITS)), name="contract_currency_known"),
            models.CheckConstraint(condition=Q(template__in=sorted(TEMPLATES)), name="contract_template_known"),
            models.CheckConstraint(condition=Q(payment_days__lte=MOST_PAYMENT_DAYS), name="contract_payment_days"),
            models.CheckConstraint(condition=Q(minimum_spend__gte=0), name="contract_minimum_spend"),
            models.UniqueConstraint(fields=["year", "serial", "version"], name="contract_number_once"),
            models.UniqueConstraint(
                fields=["year", "serial"], condition=Q(state=ContractState.ACTIVE), name="contract_one_version_active"
            ),
            models.UniqueConstraint(
                fields=["amends"], condition=~Q(state=ContractState.LOST), name="contract_one_amendment"
            ),
            models.CheckConstraint(
                condition=Q(version=1, amends__isnull=True) | Q(version__gt=1, amends__isnull=False),
                name="contract_version_amends",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["quoted", "approved", "sent"]) | Q(valid_until__isnull=False),
                name="contract_offer_ends",
            ),
            *Clauses.constraints(),
        ]

    def __str__(self) -> str:
        """Return number and version."""
        return f"{self.number} v{self.version}"

    @property
    def number(self) -> str:
        """The number that people use; versions share it."""
        return f"C-{self.year}-{self.serial or 0:05d}"

    @property
    def span(self) -> Period:
        """The term as a value."""
        return Period.of_range(self.term)

    @property
    def is_cut_short(self) -> bool:
        """Whether it ends before its term does; a notice that it is not renewed lets it end with that."""
        return self.ends_early_at is not None and self.ends_early_at < self.span.end

    @property
    def minimum(self) -> Money:
        """The minimum spend as money."""
        return Money(self.minimum_spend, self.currency)

    def clauses(self) -> dict[str, Any]:
        """Return the clauses by name."""
        return {field.name: getattr(self, field.name) for field in Clauses._meta.local_fields}
