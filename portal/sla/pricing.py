"""What one server of a reservation costs for some time: pure."""

from collections.abc import Iterable, Sequence
from decimal import Decimal, localcontext
from itertools import pairwise

from portal.reservations.charges import Charge
from portal.sla.crediting import DIGITS
from portal.sla.spans import Span, clipped, second_of

HOUR = 3600


def price_of_server(charges: Iterable[Charge], otherwise: Decimal, gpus: int, spans: Sequence[Span]) -> Decimal:
    """Return the price of a server with ``gpus`` for ``spans``, not rounded.

    A server of a reservation whose servers were added at different rates costs their mean. Time that no charge speaks
    of costs the rate ``otherwise``.
    """
    rates = [
        (Span(second_of(charge.period.start), second_of(charge.period.end)), charge.count, charge.rate)
        for charge in charges
        if charge.period is not None and charge.count
    ]
    with localcontext(prec=DIGITS):
        return sum((_price(rates, otherwise, gpus, span) for span in spans), Decimal(0))


def _price(rates: Sequence[tuple[Span, int, Decimal]], otherwise: Decimal, gpus: int, span: Span) -> Decimal:
    edges = sorted({span.start, span.end} | {at for part in clipped([one[0] for one in rates], span) for at in part})
    total = Decimal(0)
    for start, end in pairwise(edges):
        there = [(count, rate) for period, count, rate in rates if period.start <= start and end <= period.end]
        servers = sum(count for count, _ in there)
        rate = sum((count * rate for count, rate in there), Decimal(0)) / servers if servers else otherwise
        total += rate * gpus * (end - start)
    return total / HOUR
