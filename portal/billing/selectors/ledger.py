"""Questions about the ledger."""

from decimal import Decimal

from django.db.models import Sum

from portal.billing.models import AccountKind, Leg
from portal.core.money import Money
from portal.tenancy.models import Organization


def balance(kind: AccountKind, currency: str, organization: Organization | None = None) -> Money:
    """Return the balance of an account, debits less credits; nothing for one that was never used."""
    legs = Leg.objects.filter(account__kind=kind, account__currency=currency, account__organization=organization)
    return Money(legs.aggregate(sum=Sum("amount"))["sum"] or Decimal(0), currency)


def paid_ahead(organization: Organization, currency: str) -> Money:
    """Return what a customer has paid ahead and not used."""
    held = balance(AccountKind.PREPAID, currency, organization)
    return Money(-held.amount, currency)


def unbalanced() -> dict[str, Decimal]:
    """Return by currency what the whole ledger is off by; empty as long as all is well. One statement."""
    sums = Leg.objects.order_by().values("account__currency").annotate(sum=Sum("amount"))
    return {row["account__currency"]: row["sum"] for row in sums if row["sum"]}
