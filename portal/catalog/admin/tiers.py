"""Tiers of service levels and of support: a new version is a new row, and what was sold stays as it was."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.db import models

from portal.audit.staff import columns
from portal.audit.staff.acts import Act, On, act_on
from portal.audit.staff.forms import ActForm
from portal.audit.staff.pages import RecordAdmin
from portal.catalog.admin.tier_forms import SlaTierForm, SupportTierForm, sla_values, support_values
from portal.catalog.models import SlaTier, SupportTier
from portal.catalog.services.tiers import add_sla_tier, add_support_tier, make_default, set_offered
from portal.catalog.terms import written


def _steps(tier: SlaTier) -> str:
    steps = zip(tier.below, tier.credits, strict=True)
    return ", ".join(f"below {written(below)} %: {written(credit)} %" for below, credit in steps)


NAME = columns.column("Name", str, "name")
OFFERED = (columns.yes_or_no("is_offered", "Offered"), columns.yes_or_no("is_default", "Default"))
ID = (columns.field("slug", "Short name"), columns.code("public_id", "Id"), columns.moment("created_at", "Since"))


@admin.register(SlaTier)
class SlaTierAdmin(RecordAdmin):
    """Service levels."""

    list_display = (NAME, columns.column("Target", lambda tier: f"{written(tier.target)} %", "target"), *OFFERED)
    list_filter = ("is_offered",)
    search_fields = ("slug", "name", "public_id")
    ordering = ("slug", "-version")
    facts = (
        ("", (NAME, *ID, *OFFERED)),
        (
            "Promises",
            (
                columns.column("Availability of a server-month", lambda tier: f"{written(tier.target)} %"),
                columns.column("Credits", _steps),
                columns.field("degraded_weight", "Weight of a degraded minute"),
                columns.field("handover_minutes", "Hand-over within minutes"),
                columns.field("replacement_minutes", "Replacement within minutes"),
                columns.field("late_credit_percent", "Late hand-over: percent of a day's price"),
                columns.field("late_step_minutes", "for each started minutes"),
                columns.field("late_grace_minutes", "after minutes of grace"),
            ),
        ),
        (
            "Planned maintenance",
            (
                columns.field("maintenance_notice_hours", "Hours of notice"),
                columns.field("maintenance_minutes_per_quarter", "Minutes in a quarter"),
                columns.field("may_defer_days", "Days that a tenant may defer it"),
            ),
        ),
    )


@admin.register(SupportTier)
class SupportTierAdmin(RecordAdmin):
    """Tiers of support."""

    list_display = (NAME, columns.field("percent_of_spend", "Percent of charges"), *OFFERED)
    list_filter = ("is_offered",)
    search_fields = ("slug", "name", "public_id")
    ordering = ("slug", "-version")
    facts = (
        ("", (NAME, *ID, *OFFERED)),
        (
            "Promises",
            (
                columns.field("summary", "Summary"),
                columns.column("Hours", lambda tier: tier.get_hours_display()),
                columns.field("urgent_minutes", "First answer, server down (minutes)"),
                columns.field("normal_minutes", "First answer, anything else (minutes)"),
                columns.field("percent_of_spend", "Percent of a month's charges"),
            ),
        ),
    )


STAYS = "Earlier versions are no longer offered; who has one keeps it as it is."


def _acts(
    kind: type[models.Model], add: Callable[..., Any], form: type[ActForm], initial: Callable[[Any], dict[str, Any]]
) -> tuple[Act, ...]:
    name = kind._meta.model_name
    change = f"catalog.change_{name}"
    new: dict[str, Any] = {
        "permission": f"catalog.add_{name}",
        "perform": lambda actor, _row, values: add(actor=actor, **values),
        "form": form,
    }
    return (
        Act("new", "New tier", on=On.LIST, effects=(STAYS,), done="{row} is offered.", icon="add", **new),
        Act("version", "New version", initial=initial, effects=(STAYS,), done="There is a new version.", **new),
        Act(
            name="default",
            title="Make default",
            permission=change,
            perform=lambda actor, row, values: make_default(actor=actor, tier=row),
            form=ActForm,
            fits=lambda tier: tier.is_offered and not tier.is_default,
            effects=("Who has chosen none has this one, from the next order on.",),
            done="{row} is the default.",
            icon="star",
        ),
        Act(
            name="offer",
            title="Offer",
            permission=change,
            perform=lambda actor, row, values: set_offered(actor=actor, tier=row, offered=True),
            form=ActForm,
            fits=lambda tier: not tier.is_offered,
            effects=("It can be chosen again, and stands on the page of prices.",),
            done="{row} is offered.",
            icon="visibility",
        ),
        Act(
            name="withdraw",
            title="Withdraw",
            permission=change,
            perform=lambda actor, row, values: set_offered(actor=actor, tier=row, offered=False),
            form=ActForm,
            fits=lambda tier: tier.is_offered and not tier.is_default,
            effects=("It can no longer be chosen; who has it keeps it.",),
            done="{row} is withdrawn.",
            icon="visibility_off",
            is_grave=True,
        ),
    )


act_on(SlaTier, *_acts(SlaTier, add_sla_tier, SlaTierForm, sla_values))
act_on(SupportTier, *_acts(SupportTier, add_support_tier, SupportTierForm, support_values))
