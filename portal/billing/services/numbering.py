"""Numbers without gaps, as tax law asks for: given in the transaction that uses them, and lost with it."""

from django.db import transaction
from django.db.models import F

from portal.billing.models import NumberSeries
from portal.core.locks import lock_row

INVOICES, CREDIT_NOTES = "INV", "CRN"
DIGITS = 6


def next_number(series: str) -> str:
    """Return the next number of a series, such as ``INV-000042``; the series is locked until the transaction ends.

    Call it inside a transaction, and last: everybody who issues waits for who has it.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("A number is given inside of the transaction that uses it.")
    known, _ = NumberSeries.objects.get_or_create(name=series)
    row = lock_row(NumberSeries, known.pk)
    NumberSeries.objects.filter(pk=row.pk).update(last=F("last") + 1)
    return f"{series}-{row.last + 1:0{DIGITS}}"
