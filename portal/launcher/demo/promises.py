"""The service levels of the demo's provider: a plain table."""

from decimal import Decimal
from typing import Any

from portal.catalog.models import SlaTier

TIERS: tuple[dict[str, Any], ...] = (
    {
        "slug": "flex",
        "name": "Flex",
        "target": "99.0",
        "below": ("99.0", "95.0", "90.0"),
        "credits": ("10", "25", "100"),
        "degraded_weight": "0.25",
        "handover_minutes": 60,
        "replacement_minutes": 1440,
        "maintenance_notice_hours": 72,
        "is_default": True,
    },
    {
        "slug": "standard",
        "name": "Standard",
        "target": "99.5",
        "below": ("99.5", "99.0", "95.0"),
        "credits": ("10", "25", "100"),
        "degraded_weight": "0.5",
        "handover_minutes": 45,
        "replacement_minutes": 210,
        "late_credit_percent": "100",
        "maintenance_notice_hours": 336,
        "may_defer_days": 14,
    },
    {
        "slug": "assured",
        "name": "Assured",
        "target": "99.9",
        "below": ("99.9", "99.5", "99.0", "95.0"),
        "credits": ("10", "25", "50", "100"),
        "degraded_weight": "1",
        "handover_minutes": 30,
        "replacement_minutes": 40,
        "late_credit_percent": "100",
        "late_grace_minutes": 60,
        "late_step_minutes": 60,
        "maintenance_notice_hours": 336,
        "may_defer_days": 30,
    },
)


def seed_tiers() -> None:
    """Write the tiers that are not there."""
    for tier in TIERS:
        exact = {name: Decimal(tier[name]) for name in ("target", "degraded_weight")}
        lists = {name: [Decimal(one) for one in tier[name]] for name in ("below", "credits")}
        late = Decimal(tier.get("late_credit_percent", "0"))
        SlaTier.objects.get_or_create(
            slug=tier["slug"], version=1, defaults={**tier, **exact, **lists, "late_credit_percent": late}
        )
