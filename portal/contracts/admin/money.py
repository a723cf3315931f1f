"""What a contract comes to, as columns of its page."""

from typing import Any

from portal.audit.staff import columns
from portal.catalog.terms import written
from portal.contracts.arithmetic import totals
from portal.contracts.models import Contract
from portal.contracts.needs import needs_of, totals_of


def _per_gpu_hour(row: Contract) -> str:
    return f"{row.currency} {written(totals_of(row).per_gpu_hour)}"


def _margin(row: Contract) -> str:
    total = totals_of(row)
    return f"{total.margin} ({total.margin_percent} %)"


def _needs(row: Contract) -> str:
    return "; ".join(f"{need.title}: {' '.join(need.reasons)}" for need in needs_of(row)) or "none"


def _minimum(row: Contract) -> Any:
    return row.minimum if row.minimum_spend else ""


def _of_listed(row: Contract) -> Any:
    """Return the total from lines that were read along."""
    return totals([line.money for line in row.lines.all()], row.span, row.currency).total


TOTAL = columns.column("Contract value", _of_listed)
MONEY = (
    TOTAL,
    columns.column("On average a month", lambda row: totals_of(row).monthly),
    columns.column("Per GPU-hour", _per_gpu_hour),
    columns.column("Below list", lambda row: f"{totals_of(row).off_list} %"),
    columns.column("Margin to floor", _margin),
    columns.column("Minimum spend", _minimum),
    columns.column("Approval needed", _needs),
)
