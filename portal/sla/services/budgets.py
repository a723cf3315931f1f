"""Working out the error budgets, and telling staff when one burns too fast."""

import logging
from collections import defaultdict
from decimal import Decimal
from functools import partial

from django.db import transaction
from django.urls import reverse

from portal.audit.services import record
from portal.catalog.models import SlaTier
from portal.core import clock
from portal.core.actors import Actor
from portal.core.locks import wait_for_turn
from portal.core.mail import mail_people
from portal.core.months import month_of
from portal.reservations.models import Allocation
from portal.sla.burning import BUDGET_SPAN, Budget, Level, budget_of
from portal.sla.definitions import CURRENT, Condition
from portal.sla.gathering import gather_span
from portal.sla.lateness import served_of
from portal.sla.measuring import Segment, timeline
from portal.sla.models import ErrorBudget, Evidence
from portal.sla.spans import Span, moment_of, second_of
from portal.tenancy.models import User
from portal.tenancy.staff import StaffRole

log = logging.getLogger(__name__)
CENT = Decimal("0.01")
MOST = Decimal(999_999)


@transaction.atomic
def work_out_budgets(*, actor: Actor) -> list[ErrorBudget]:
    """Work out the budget of each tier that is promised to somebody; a level that rises is logged and mailed once."""
    wait_for_turn("sla.budgets")
    return [_keep(actor, tier, budget) for tier, budget in _budgets()]


def _budgets() -> list[tuple[SlaTier, Budget]]:
    now = second_of(clock.now())
    window = Span(now - BUDGET_SPAN, now)
    begin = moment_of(window.start)
    rows = (
        Allocation.objects.select_related("reservation__server_type", "reservation__sla_tier", "server")
        .filter(ready_at__isnull=False, occupied__endswith__gt=begin, reservation__sla_tier__isnull=False)
        .order_by("pk")
    )
    failed = set(
        Evidence.objects.filter(
            value__in=(Condition.DOWN.value, Condition.DEGRADED.value),
            until__gt=begin,
            server__in={row.server_id for row in rows},
        ).values_list("server", flat=True)
    )
    tiers: dict[int, SlaTier] = {}
    served: dict[int, list[Span]] = defaultdict(list)
    for row in rows:
        tier = row.reservation.sla_tier
        if tier is not None:
            tiers[tier.pk] = tier
            served[tier.pk].append(served_of(row, now))
    failing: dict[int, list[Segment]] = defaultdict(list)
    touched = [row for row in rows if row.server_id in failed]
    for item in gather_span(touched, month_of(clock.now()), window, CURRENT):
        tier = item.reservation.sla_tier
        if tier is not None:
            failing[tier.pk] += timeline(item.served, item.readings, item.exclusions, CURRENT)
    return [
        (tier, budget_of(tier.target, tier.degraded_weight, served[pk], failing[pk], now)) for pk, tier in tiers.items()
    ]


def _keep(actor: Actor, tier: SlaTier, budget: Budget) -> ErrorBudget:
    now, level = clock.now(), budget.level
    hour, six_hours, three_days = (min(burn, MOST).quantize(CENT) for burn in budget.burns)
    before = ErrorBudget.objects.filter(tier=tier).first()
    has_changed = before is None or before.level != level
    row, _ = ErrorBudget.objects.update_or_create(
        tier=tier,
        defaults={
            "left": max(budget.left, -MOST).quantize(CENT),
            "burn_hour": hour,
            "burn_six_hours": six_hours,
            "burn_three_days": three_days,
            "level": level.value,
            "worked_out_at": now,
            **({"level_since": now} if has_changed else {}),
        },
    )
    order = list(Level)
    was = Level(before.level) if before is not None else Level.QUIET
    if order.index(level) > order.index(was):
        told = {"level": level.value, "left": str(row.left), "burns": [str(hour), str(six_hours), str(three_days)]}
        record(actor=actor, verb="error_budget.burns", target=tier.public_id, data=told)
        log.error("error budget of %s: %s, %s %% left, burns %s", tier, level, row.left, told["burns"])
        transaction.on_commit(partial(_mail, row))
    return row


def _mail(row: ErrorBudget) -> None:
    operations = User.objects.filter(is_active=True, is_staff=True, groups__name=StaffRole.OPERATIONS.value)
    addresses = list(operations.order_by("pk").values_list("email", flat=True))
    text = (
        f"{row.left} % of the error budget of {row.tier} is left (30 days).\n"
        f"It burns {row.burn_hour} times as fast as it may in the last hour, {row.burn_six_hours} times in 6 hours, "
        f"{row.burn_three_days} times in 3 days.\n"
    )
    mail_people(
        f"Error budget ({row.level}): {row.tier}",
        text,
        addresses,
        page=reverse("admin:sla_errorbudget_changelist"),
        otherwise=f"the error budget of {row.tier} burns",
    )
