"""A line's price in the form that a reservation keeps: pure."""

from datetime import timedelta

from portal.catalog.selectors import PriceQuote, QuoteLine
from portal.catalog.terms import CancellationTerms, written
from portal.contracts.models import ContractLine
from portal.core.money import Money
from portal.core.periods import Period


def price_of(line: ContractLine, period: Period) -> PriceQuote:
    """Return what a line costs over a period of it: all of it, or what is left of it when it is booked late.

    Calling it off costs what the contract says of an early end.
    """
    money = line.money
    total = Money(period.at_rate(money.net * money.gpus), money.currency)
    hours = f"{period.hours:.2f}".removesuffix(".00")
    quantity = f"{money.gpus} GPU x {hours} h x {written(money.net)}"
    label = f"{line.server_type.name} in {line.region.code}"
    return PriceQuote(
        count=line.count,
        gpus=money.gpus,
        hours=period.hours,
        rate=money.net,
        total=total,
        terms=CancellationTerms.of_pairs([(timedelta(0), line.contract.early_end_percent)]),
        lines=(QuoteLine(label, quantity, total),),
    )
