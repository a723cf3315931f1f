"""Forms of contract: their words, what they begin with and what they ask for at least. Pure: a table.

A form that was used is never reworded: a new wording is a new code.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any


@dataclass(frozen=True)
class Template:
    """A form of contract. ``clauses`` are the values that a draft begins with."""

    code: str
    title: str
    paragraphs: tuple[str, ...]
    clauses: Mapping[str, Any] = field(default_factory=dict)
    minimum_months: int = 0
    minimum_spend: Decimal = Decimal(0)
    is_regulated: bool = False


WORDS = (
    "The provider keeps the servers listed above for the customer, in the regions and for the periods listed, and "
    "hands them over at the start of each period. They are the customer's alone until their period ends.",
    "The price of a line is servers x GPUs x hours x price per GPU-hour less the discount, rounded once per line. "
    "Invoices are due within the days named above. Taxes are added where they apply.",
    "Service levels are those of the tier named in each line. What is missed is credited by the tier's table on the "
    "next invoice, without being asked for.",
    "At the end of each period the servers are taken back, their disks erased and the erasure certified.",
)
REGULATED = (
    *WORDS,
    "The clauses on locations, subcontractors, audit, incidents and exit listed above are part of the service and "
    "hold for as long as the contract does, and for the exit after it.",
)

TEMPLATES: Mapping[str, Template] = {
    known.code: known
    for known in (
        Template("reserved-1", "Reserved capacity", WORDS),
        Template(
            "committed-1",
            "Reserved capacity with a minimum spend",
            WORDS,
            {"renewal": "option", "renewal_months": 12},
            minimum_months=1,
            minimum_spend=Decimal(10_000),
        ),
        Template(
            "regulated-1",
            "Reserved capacity for financial entities",
            REGULATED,
            {
                "has_audit_right": True,
                "has_incident_assistance": True,
                "incident_notice_hours": 24,
                "exit_days": 90,
                "notice_days": 90,
            },
            is_regulated=True,
        ),
    )
}
