"""What stands in a contract's document, read from its rows."""

from dataclasses import dataclass
from datetime import datetime

from portal.catalog.terms import written
from portal.contracts.models import Contract, ContractLine
from portal.contracts.needs import lines_of, totals_of
from portal.contracts.states import ContractState
from portal.contracts.templates import TEMPLATES

Rows = list[tuple[str, str]]
UNFINISHED = (ContractState.DRAFT, ContractState.QUOTED, ContractState.APPROVED, ContractState.LOST)


@dataclass(frozen=True)
class Facts:
    """A contract in words: all that its document shows."""

    number: str
    title: str
    author: str
    made_at: datetime
    is_draft: bool
    head: Rows
    lines: list[tuple[str, ...]]
    money: Rows
    levels: Rows
    clauses: Rows
    paragraphs: tuple[str, ...]
    supplier: str = "Metalyard"


def facts_of(contract: Contract) -> Facts:
    """Return what the document shows; the same rows give the same document."""
    lines = lines_of(contract)
    total = totals_of(contract, lines)
    return Facts(
        number=str(contract),
        title=contract.title,
        author=contract.author_label,
        made_at=contract.sent_at or contract.created_at,
        is_draft=contract.state in UNFINISHED,
        head=_head(contract),
        lines=[_line(line) for line in lines],
        money=[
            ("Total over the term", str(total.total)),
            ("On average a month", str(total.monthly)),
            ("On average per GPU-hour", f"{contract.currency} {written(total.per_gpu_hour)}"),
            ("Minimum spend", str(contract.minimum) if contract.minimum_spend else "none"),
            ("Payment", f"within {contract.payment_days} days of the invoice"),
        ],
        levels=_levels(lines),
        clauses=_clauses(contract),
        paragraphs=TEMPLATES[contract.template].paragraphs,
    )


def _head(contract: Contract) -> Rows:
    term = contract.span
    replaced = [("Replaces", str(contract.amends))] if contract.amends else []
    ordered = [("Your order", contract.po_number)] if contract.po_number else []
    valid = [("Can be signed until", _when(contract.valid_until))] if contract.valid_until else []
    return [
        ("Customer", contract.organization.name),
        ("Project", contract.project.name),
        ("Form", TEMPLATES[contract.template].title),
        ("Term", f"{_when(term.start)} to {_when(term.end)}"),
        *replaced,
        *ordered,
        *valid,
    ]


def _when(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _line(line: ContractLine) -> tuple[str, ...]:
    money = line.money
    return (
        f"{line.count} x {line.server_type.name}",
        line.region.code,
        f"{line.span.start:%Y-%m-%d}",
        f"{line.span.end:%Y-%m-%d}",
        written(line.unit_price),
        f"{written(line.discount)} %",
        f"{money.total.amount:,}",
    )


def _levels(lines: list[ContractLine]) -> Rows:
    tiers = {line.sla_tier.pk: line.sla_tier for line in lines if line.sla_tier}
    return [
        (
            str(tier),
            f"{written(tier.target)} % of each month per server; handed over within {tier.handover_minutes} min, "
            f"replaced within {tier.replacement_minutes} min",
        )
        for tier in tiers.values()
    ]


def _clauses(contract: Contract) -> Rows:
    renewal = str(contract.get_renewal_display())
    if contract.renewal_months:
        renewal += f", by {contract.renewal_months} months"
    notice = contract.incident_notice_hours
    said = [
        ("At the end", renewal),
        ("Notice", f"{contract.notice_days} days"),
        ("Early end", f"{written(contract.early_end_percent)} % of the price of what is not used"),
        ("Data locations", ", ".join(contract.data_locations.split("\n"))),
        ("Subcontractors", ", ".join(contract.subcontractors.split("\n"))),
        ("Critical or important function", "yes" if contract.is_critical_function else ""),
        ("Audit", "by the customer, its auditors and its authorities" if contract.has_audit_right else ""),
        ("Incidents", f"told within {notice} hours" if notice is not None else ""),
        ("Help in incidents", "at no extra cost" if contract.has_incident_assistance else ""),
        ("Exit", f"data can be fetched for {contract.exit_days} days after the end" if contract.exit_days else ""),
    ]
    return [(label, value) for label, value in said if value]
