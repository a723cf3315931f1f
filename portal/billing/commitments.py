"""What a customer has agreed to spend at least, and what is missing to it. Pure, but for asking for what was agreed."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from portal.billing.models import LineKind
from portal.billing.rating import RatedLine
from portal.tenancy.models import Organization


@dataclass(frozen=True)
class Commitment:
    """At least ``minimum`` in a month for what a contract reserves."""

    label: str
    minimum: Decimal
    currency: str


def commitments_of(organization: Organization, month: date) -> list[Commitment]:
    """Return what an organization has agreed to spend at least in a month."""
    del organization, month
    return []


def shortfalls(commitments: list[Commitment], lines: list[RatedLine], currency: str) -> list[RatedLine]:
    """Return a line for each minimum that is not reached; what was committed counts once, the first minimum first."""
    spent = sum((line.amount for line in lines if line.kind == LineKind.COMMITTED), Decimal(0))
    found = []
    for each in commitments:
        if each.currency != currency:
            continue
        counted = min(spent, each.minimum)
        spent -= counted
        if counted < each.minimum:
            label = f"{each.label}: up to the agreed minimum of {currency} {each.minimum:,}"
            found.append(RatedLine(LineKind.SHORTFALL, label[:200], each.minimum - counted))
    return found
