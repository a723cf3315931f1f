"""Numbers of contracts: by year, without gaps."""

from portal.contracts.models import Series
from portal.core import clock
from portal.core.locks import lock_row


def next_number() -> tuple[int, int]:
    """Return year and serial number of a new contract. Call it in the transaction that writes the contract.

    Whoever takes a number keeps others waiting until its contract is there, or the number is free again.
    """
    year = clock.now().year
    series, _ = Series.objects.get_or_create(year=year)
    fresh = lock_row(Series, series.pk)
    fresh.last += 1
    fresh.save(update_fields=["last"])
    return year, fresh.last
