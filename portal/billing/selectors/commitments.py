"""What organizations have agreed to spend at least, and what they spent of it."""

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal

from django.db.models import Sum

from portal.billing.commitments import ALL, Spending
from portal.billing.models import InvoiceLine
from portal.billing.selectors.amounts import charged_for
from portal.billing.states import STANDING
from portal.contracts.models import Commitment, Contract
from portal.contracts.selectors import commitments_over, served_under
from portal.core.months import span_of
from portal.tenancy.models import Organization


def spending_of(
    organization: Organization, month: date, owed: Mapping[int, Decimal]
) -> Iterator[tuple[Contract, Spending]]:
    """Yield the minimums whose time was over by the end of a month; ``owed`` is what it adds, by reservations' pks.

    What counts is all that was charged for servers that a contract reserved, committed or beyond, before credits: a
    credit for a missed promise would else be asked back.
    """
    for commitment in commitments_over(organization, span_of(month).end):
        contract = commitment.contract
        served = served_under(contract)
        spent = sum(charged_for(served).values(), Decimal(0)) + sum(
            (owed.get(pk, Decimal(0)) for pk in served), Decimal(0)
        )
        yield contract, _spending(commitment, spent)


def _spending(commitment: Commitment, spent: Decimal) -> Spending:
    contract = commitment.contract
    charged = InvoiceLine.objects.filter(
        contract__year=contract.year,
        contract__serial=contract.serial,
        reservation=None,
        invoice__state__in=STANDING,
    ).aggregate(sum=Sum("amount"))["sum"] or Decimal(0)
    percent = contract.early_end_percent if contract.is_cut_short else ALL
    return Spending(contract.number, commitment.owed, spent, charged, percent)
