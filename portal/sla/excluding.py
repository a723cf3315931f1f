"""What is not measured, and what proves it: pure."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from portal.operations.states import OperationKind
from portal.sla.definitions import Cause
from portal.sla.measuring import Exclusion
from portal.sla.spans import Span, clipped, first_seconds

STAYS_SO = (OperationKind.POWER_OFF, OperationKind.RESCUE)
"""After these a server stays as the tenant wanted it until something else is done with it."""


class Deed(NamedTuple):
    """An operation on one server while a reservation held it: when it was asked for and when it was over, if it is."""

    asked: int
    ended: int | None
    kind: str
    succeeded: bool
    is_tenants: bool
    proof: str


class Turn(NamedTuple):
    """A server's turn in a maintenance window, and how many seconds ahead it was announced."""

    span: Span
    notice: int
    proof: str


def tenants_time(deeds: Iterable[Deed], until: int, settling: int) -> Iterator[Exclusion]:
    """Yield the time that a tenant's own operations took, with what they left and with ``settling`` after them.

    What failed is excluded while it ran and no longer. What our staff asked for excludes nothing, and ends what the
    tenant left.
    """
    ordered = sorted(deeds)
    for number, deed in enumerate(ordered):
        if not deed.is_tenants:
            continue
        following = next((other.asked for other in ordered[number + 1 :]), until)
        if deed.ended is None:
            end = until
        elif not deed.succeeded:
            end = deed.ended
        elif deed.kind in STAYS_SO:
            end = max(deed.ended, following)
        else:
            end = deed.ended + settling
        if deed.asked < min(end, until):
            yield Exclusion(Cause.TENANT, Span(deed.asked, min(end, until)), deed.proof)


def maintenance_time(turns: Sequence[Turn], served: Sequence[Span], notice: int, allowance: int) -> Iterator[Exclusion]:
    """Yield the maintenance of a quarter that was announced ``notice`` seconds ahead, within its first ``allowance``.

    Only the time in which the server was ``served`` uses the allowance up.
    """
    noticed = [turn for turn in turns if turn.notice >= notice]
    within = [part for span in served for part in clipped([turn.span for turn in noticed], span)]
    for allowed in first_seconds(within, allowance):
        for turn in noticed:
            yield from (Exclusion(Cause.MAINTENANCE, part, turn.proof) for part in clipped([turn.span], allowed))
