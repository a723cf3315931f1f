"""Tiers of service levels and of support: never edited; a new version is a new row."""

from itertools import pairwise
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models, transaction

from portal.audit.services import record
from portal.catalog.models import SlaTier, SupportTier
from portal.catalog.models.sla import ALL
from portal.core.actors import Actor
from portal.core.errors import FieldError, InvalidInput, StateConflict
from portal.core.locks import wait_for_turn

Tier = SlaTier | SupportTier


@transaction.atomic
def add_sla_tier(*, actor: Actor, slug: str, **fields: Any) -> SlaTier:
    """Add the next version of the service level ``slug``, offered in place of earlier ones, which stay as they were.

    ``fields`` are those of the model. Raises InvalidInput on whichever is wrong; ``below`` must fall, from at most
    ``target`` on, and ``credits`` must rise.
    """
    tier = SlaTier(slug=slug, **fields)
    _add(actor, tier, verb="sla_tier.added")
    return tier


@transaction.atomic
def add_support_tier(*, actor: Actor, slug: str, **fields: Any) -> SupportTier:
    """Add the next version of the support ``slug``, as ``add_sla_tier`` does. Raises InvalidInput."""
    tier = SupportTier(slug=slug, **fields)
    _add(actor, tier, verb="support_tier.added")
    return tier


@transaction.atomic
def make_default(*, actor: Actor, tier: Tier) -> None:
    """Let a tier be that of who has chosen none, in place of the one that was. Raises StateConflict if not offered."""
    kind = type(tier)
    wait_for_turn(kind._meta.label_lower)
    fresh = kind._default_manager.get(pk=tier.pk)
    if not fresh.is_offered:
        raise StateConflict(f"{fresh} is not offered: offer it first.")
    _set_default(fresh)
    record(actor=actor, verb=f"{_area(kind)}.made_default", target=fresh.public_id)


@transaction.atomic
def set_offered(*, actor: Actor, tier: Tier, offered: bool) -> None:
    """Offer a tier, or no longer; who has it keeps it. Raises StateConflict for the default: it stays."""
    kind = type(tier)
    wait_for_turn(kind._meta.label_lower)
    fresh = kind._default_manager.get(pk=tier.pk)
    if fresh.is_default and not offered:
        raise StateConflict(f"{fresh} is the default: make another the default first.")
    kind._default_manager.filter(pk=fresh.pk).update(is_offered=offered)
    tier.is_offered = offered
    record(actor=actor, verb=f"{_area(kind)}.{'offered' if offered else 'withdrawn'}", target=fresh.public_id)


def _add(actor: Actor, tier: Tier, *, verb: str) -> None:
    """Write a tier as the next version of its slug; it inherits being the default."""
    kind = type(tier)
    wait_for_turn(kind._meta.label_lower)
    earlier = kind._default_manager.filter(slug=tier.slug)
    tier.version = (earlier.aggregate(last=models.Max("version"))["last"] or 0) + 1
    becomes_default = tier.is_default or earlier.filter(is_default=True).exists()
    tier.is_default, tier.is_offered = False, True
    _check(tier)
    earlier.update(is_offered=False, is_default=False)
    tier.save()
    if becomes_default:
        _set_default(tier)
    names = [field.name for field in kind._meta.fields if field.name not in ("id", "public_id", "created_at")]
    record(actor=actor, verb=verb, target=tier.public_id, data={name: _written(getattr(tier, name)) for name in names})


def _set_default(tier: Tier) -> None:
    kind = type(tier)
    kind._default_manager.filter(is_default=True).exclude(pk=tier.pk).update(is_default=False)
    kind._default_manager.filter(pk=tier.pk).update(is_default=True)
    tier.is_default = True


def _check(tier: Tier) -> None:
    errors = []
    try:
        tier.full_clean(exclude=["public_id"], validate_constraints=False)
    except ValidationError as error:
        errors = [FieldError(field, "invalid", " ".join(texts)) for field, texts in error.message_dict.items()]
    if not errors and isinstance(tier, SlaTier):
        errors = _sla_errors(tier)
    if not errors and isinstance(tier, SupportTier):
        errors = _support_errors(tier)
    if errors:
        raise InvalidInput(errors[0].detail, errors=errors)


def _sla_errors(tier: SlaTier) -> list[FieldError]:
    steps = list(zip(tier.below, tier.credits, strict=False))
    numbers = [*tier.below, *tier.credits]
    if not steps or len(tier.below) != len(tier.credits):
        return [FieldError("steps", "incomplete", "Give at least one step: an availability and what is credited.")]
    if any(not (number.is_finite() and 0 <= number <= ALL) for number in numbers):
        return [FieldError("steps", "out_of_range", "Availabilities and credits are percentages from 0 to 100.")]
    falls = all(first[0] > second[0] and first[1] < second[1] for first, second in pairwise(steps))
    if not falls or tier.below[0] > tier.target or tier.credits[0] <= 0:
        return [FieldError("steps", "order", "Steps fall from the target on, and each credits more.")]
    checks = {
        "target": 0 < tier.target <= ALL,
        "degraded_weight": 0 <= tier.degraded_weight <= 1,
        "late_credit_percent": 0 <= tier.late_credit_percent <= ALL,
        "late_step_minutes": tier.late_step_minutes > 0,
    }
    return [
        FieldError(name, "out_of_range", "This number is out of its range.")
        for name, good in checks.items()
        if not good
    ]


def _support_errors(tier: SupportTier) -> list[FieldError]:
    if not 0 <= tier.percent_of_spend <= ALL:
        return [FieldError("percent_of_spend", "out_of_range", "Give a percentage from 0 to 100.")]
    if not 0 < tier.urgent_minutes <= tier.normal_minutes:
        text = "What is urgent is answered within at least a minute, and no later than the rest."
        return [FieldError("urgent_minutes", "out_of_range", text)]
    return []


def _area(kind: type[Tier]) -> str:
    return "sla_tier" if kind is SlaTier else "support_tier"


def _written(value: Any) -> Any:
    if isinstance(value, list):
        return [str(item) for item in value]
    return value if isinstance(value, bool | int | str) else str(value)
