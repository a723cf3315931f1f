"""Who is to blame where servers do not reach one another. Pure."""

from collections import Counter
from collections.abc import Iterable

Pair = tuple[str, str]
"""Who could not log in, and to whom."""


def to_blame(failed: Iterable[Pair]) -> frozenset[str]:
    """Return the servers without which no pair would have failed, found greedily.

    The one that takes part in most failed pairs goes first, then what is left is counted anew; of several that take
    part in equally many all go. So one broken server is blamed alone, a minority that is cut off is blamed as a whole,
    and where nothing tells two apart both are blamed.
    """
    left, blamed = set(failed), set[str]()
    while left:
        count = Counter(server for pair in left for server in set(pair))
        most = max(count.values())
        blamed |= {server for server, number in count.items() if number == most}
        left = {pair for pair in left if blamed.isdisjoint(pair)}
    return frozenset(blamed)
