"""Builders of tiers."""

from decimal import Decimal

from portal.catalog.models import SupportHours
from portal.catalog.services.tiers import add_sla_tier, add_support_tier
from portal.core.actors import SYSTEM


def sla_tier(slug="standard", **kwargs):
    fields = {
        "name": "Standard",
        "target": Decimal("99.5"),
        "below": [Decimal("99.5"), Decimal(99)],
        "credits": [Decimal(10), Decimal(25)],
        "handover_minutes": 45,
        "replacement_minutes": 210,
        "maintenance_notice_hours": 336,
        **kwargs,
    }
    return add_sla_tier(actor=SYSTEM, slug=slug, **fields)


def support_tier(slug="basic", **kwargs):
    fields = {
        "name": "Basic",
        "hours": SupportHours.BUSINESS,
        "urgent_minutes": 240,
        "normal_minutes": 1440,
        **kwargs,
    }
    return add_support_tier(actor=SYSTEM, slug=slug, **fields)
