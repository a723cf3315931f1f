"""Service levels and support of the demo: plain tables."""

from decimal import Decimal
from typing import Any

from portal.catalog.models import SupportHours


def _percents(*numbers: str) -> list[Decimal]:
    return [Decimal(number) for number in numbers]


SLA_TIERS: tuple[dict[str, Any], ...] = (
    {
        "slug": "flex",
        "name": "Flex",
        "target": Decimal("99.0"),
        "below": _percents("99", "95", "90"),
        "credits": _percents("10", "25", "100"),
        "handover_minutes": 60,
        "replacement_minutes": 24 * 60,
        "maintenance_notice_hours": 72,
        "is_default": True,
    },
    {
        "slug": "standard",
        "name": "Standard",
        "target": Decimal("99.5"),
        "below": _percents("99.5", "99", "95"),
        "credits": _percents("10", "25", "100"),
        "handover_minutes": 45,
        "replacement_minutes": 210,
        "late_credit_percent": Decimal(100),
        "maintenance_notice_hours": 14 * 24,
    },
    {
        "slug": "assured",
        "name": "Assured",
        "target": Decimal("99.9"),
        "below": _percents("99.9", "99.5", "99", "95"),
        "credits": _percents("10", "25", "50", "100"),
        "handover_minutes": 30,
        "replacement_minutes": 40,
        "late_credit_percent": Decimal(100),
        "maintenance_notice_hours": 14 * 24,
        "may_defer_days": 30,
    },
)
"""On demand, by contract, for the regulated."""

SUPPORT_TIERS: tuple[dict[str, Any], ...] = (
    {
        "slug": "basic",
        "name": "Basic",
        "summary": "By ticket and mail",
        "hours": SupportHours.BUSINESS,
        "urgent_minutes": 240,
        "normal_minutes": 24 * 60,
        "is_default": True,
    },
    {
        "slug": "business",
        "name": "Business",
        "summary": "Also by phone, with a shared channel",
        "hours": SupportHours.ALWAYS,
        "urgent_minutes": 30,
        "normal_minutes": 240,
        "percent_of_spend": Decimal(3),
    },
    {
        "slug": "engineer",
        "name": "Named engineer",
        "summary": "People who know your cluster, and a review each month",
        "hours": SupportHours.ALWAYS,
        "urgent_minutes": 15,
        "normal_minutes": 60,
        "percent_of_spend": Decimal(8),
    },
)
