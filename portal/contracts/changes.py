"""What a later version changes: pure, from one version's words to another's."""

from dataclasses import dataclass
from typing import Any

from portal.catalog.terms import written
from portal.contracts.models import Contract, ContractLine
from portal.contracts.models.clauses import CLAUSES
from portal.contracts.needs import lines_of

HEAD = ("title", "po_number", "payment_days", "minimum_spend", "template", "image")
LINE = ("count", "placement", "unit_price", "discount", "overflow", "below_floor_reason")


@dataclass(frozen=True)
class Change:
    """A value that became another one. ``what`` names the field, with its line if it has one; empty: there was none."""

    what: str
    before: str
    after: str


def _said(value: Any) -> str:
    if value is None:
        return ""
    return written(value) if hasattr(value, "normalize") else str(value)


def _span(row: Contract | ContractLine) -> str:
    return f"{row.span.start:%Y-%m-%d %H:%M} to {row.span.end:%Y-%m-%d %H:%M}"


def _words(row: Any, names: tuple[str, ...]) -> dict[str, str]:
    return {name.replace("_", " "): _said(getattr(row, name)) for name in names}


def _of_line(line: ContractLine) -> dict[str, str]:
    return {
        "server type": line.server_type.name,
        "region": line.region.code,
        "period": _span(line),
        "SLA tier": _said(line.sla_tier),
        **_words(line, LINE),
    }


def _named(line: ContractLine) -> str:
    return f"{line.count} x {line.server_type.name} in {line.region.code}, {_span(line)}"


def _between(prefix: str, before: dict[str, str], after: dict[str, str]) -> list[Change]:
    return [Change(f"{prefix}{name}", before[name], after[name]) for name in after if before[name] != after[name]]


def diff(before: Contract, after: Contract) -> list[Change]:
    """Return what differs: the head, the clauses, then line by line; a line goes on with the one that it came from."""
    heads = [{"term": _span(one), **_words(one, (*HEAD, *CLAUSES))} for one in (before, after)]
    found = _between("", *heads)
    old = {line.pk: line for line in lines_of(before)}
    for line in lines_of(after):
        origin = old.pop(line.origin_id, None) if line.origin_id else None
        name = f"line {line.position + 1}"
        if origin is None:
            found.append(Change(name, "", _named(line)))
        else:
            found += _between(f"{name}: ", _of_line(origin), _of_line(line))
    found += [Change(f"line {line.position + 1} of before", _named(line), "") for line in old.values()]
    return found
