"""The double-entry ledger: accounts, entries and their legs. The database refuses to change or remove any of it."""

from django.db import models
from django.db.models import Q

from portal.core import clock, ids
from portal.core.models import Identified
from portal.core.money import MINOR_UNITS
from portal.tenancy.models import Organization


class AccountKind(models.TextChoices):
    """What an account holds. The first two are kept for each customer, the others are the provider's own."""

    RECEIVABLE = "receivable", "Receivable"
    PREPAID = "prepaid", "Prepaid"
    REVENUE = "revenue", "Revenue"
    CREDITS = "credits", "Credits given"
    TAX = "tax", "Tax"
    CASH = "cash", "Cash"


OF_CUSTOMERS = (AccountKind.RECEIVABLE.value, AccountKind.PREPAID.value)
"""Kinds of accounts that belong to an organization."""


class Account(Identified):
    """Money of one kind and currency, of one customer or the provider's own."""

    ID_PREFIX = ids.Prefix.ACCOUNT

    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="accounts", null=True, blank=True
    )
    kind = models.CharField(max_length=16, choices=AccountKind.choices)
    currency = models.CharField(max_length=3)

    class Meta:
        ordering = ["organization", "kind", "currency"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "kind", "currency"], name="account_once", nulls_distinct=False
            ),
            models.CheckConstraint(condition=Q(currency__in=sorted(MINOR_UNITS)), name="account_currency_known"),
            models.CheckConstraint(condition=Q(kind__in=AccountKind.values), name="account_kind_known"),
            models.CheckConstraint(
                condition=Q(kind__in=OF_CUSTOMERS, organization__isnull=False)
                | (~Q(kind__in=OF_CUSTOMERS) & Q(organization__isnull=True)),
                name="account_belongs",
            ),
        ]

    def __str__(self) -> str:
        """Return whose money of which kind it is."""
        return f"{self.organization or 'Own'} · {self.get_kind_display()} · {self.currency}"


class Entry(Identified):
    """One movement of money. ``reference`` names what it is for: the same one is never posted twice for a label."""

    ID_PREFIX = ids.Prefix.ENTRY

    at = models.DateTimeField(default=clock.now, editable=False)
    label = models.CharField(max_length=40, help_text="Dotted, stable: invoice.issued, payment.received.")
    reference = models.CharField(max_length=80, help_text="Public id of what it is for.")
    words = models.CharField(max_length=200)
    actor_label = models.CharField(max_length=200)

    class Meta:
        verbose_name_plural = "entries"
        ordering = ["-pk"]
        constraints = [models.UniqueConstraint(fields=["label", "reference"], name="entry_once")]


class Leg(models.Model):
    """One side of an entry: a debit is positive, a credit negative. Those of an entry sum to 0 in each currency."""

    entry = models.ForeignKey(Entry, on_delete=models.PROTECT, related_name="legs")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="legs")
    amount = models.DecimalField(max_digits=16, decimal_places=2)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(condition=~Q(amount=0), name="leg_not_nothing"),
            models.UniqueConstraint(fields=["entry", "account"], name="leg_once"),
        ]

    def __str__(self) -> str:
        """Return account and amount."""
        return f"{self.account}: {self.amount}"
