"""Tiers of service levels and of support: a new version is a new row, and one is the default."""

from decimal import Decimal

import pytest

from portal.audit.models import AuditEvent
from portal.catalog.models import SlaTier, SupportTier
from portal.catalog.services.tiers import make_default, set_offered
from portal.core.actors import SYSTEM
from portal.core.errors import InvalidInput, StateConflict
from tests.catalog.tiers import sla_tier, support_tier

pytestmark = pytest.mark.django_db


def test_a_new_version_takes_the_place_of_the_old_one_which_stays():
    first = sla_tier(is_default=True)
    sla_tier("other")

    second = sla_tier(target=Decimal("99.9"))

    rows = SlaTier.objects.filter(slug="standard").order_by("version")
    assert [(row.pk, row.version, row.target, row.is_offered, row.is_default) for row in rows] == [
        (first.pk, 1, Decimal("99.5"), False, False),
        (second.pk, 2, Decimal("99.9"), True, True),
    ]
    event = AuditEvent.objects.filter(verb="sla_tier.added").order_by("pk").last()
    assert (event.target, event.data["below"], event.data["version"]) == (second.public_id, ["99.5", "99"], 2)


def test_one_tier_is_the_default_and_it_stays_offered():
    first, second = support_tier(is_default=True), support_tier("business")

    make_default(actor=SYSTEM, tier=second)
    with pytest.raises(StateConflict, match="is the default: make another the default first"):
        set_offered(actor=SYSTEM, tier=second, offered=False)
    set_offered(actor=SYSTEM, tier=first, offered=False)
    with pytest.raises(StateConflict, match="is not offered"):
        make_default(actor=SYSTEM, tier=first)
    set_offered(actor=SYSTEM, tier=first, offered=True)

    assert SupportTier.objects.get(is_default=True) == second
    assert set(AuditEvent.objects.exclude(verb="support_tier.added").values_list("verb", flat=True)) == {
        "support_tier.made_default",
        "support_tier.withdrawn",
        "support_tier.offered",
    }


def percents(*numbers):
    return [Decimal(number) for number in numbers]


WRONG = {
    "no steps": (sla_tier, {"below": [], "credits": []}, "below"),
    "half a step": (sla_tier, {"below": percents(99, 98), "credits": percents(10)}, "steps"),
    "rising": (sla_tier, {"below": percents(98, 99), "credits": percents(10, 20)}, "steps"),
    "crediting less": (sla_tier, {"below": percents(99, 98), "credits": percents(20, 10)}, "steps"),
    "above the target": (sla_tier, {"below": percents("99.6", 98), "credits": percents(10, 20)}, "steps"),
    "more than all": (sla_tier, {"below": percents(99), "credits": percents(101)}, "steps"),
    "no number": (sla_tier, {"below": percents("NaN"), "credits": percents(10)}, "below"),
    "target": (sla_tier, {"target": Decimal("100.001")}, "target"),
    "too exact": (sla_tier, {"target": Decimal("99.9999")}, "target"),
    "weight": (sla_tier, {"degraded_weight": Decimal("1.1")}, "degraded_weight"),
    "no name": (support_tier, {"name": ""}, "name"),
    "percent": (support_tier, {"percent_of_spend": Decimal("100.01")}, "percent_of_spend"),
    "slower when urgent": (support_tier, {"urgent_minutes": 1441}, "urgent_minutes"),
    "hours": (support_tier, {"hours": "never"}, "hours"),
    "slug": (support_tier, {"slug": "two words"}, "slug"),
}


@pytest.mark.parametrize("make, fields, field", WRONG.values(), ids=WRONG)
def test_a_tier_that_makes_no_sense_is_refused_on_its_field(make, fields, field):
    with pytest.raises(InvalidInput) as refusal:
        make(**fields)

    assert refusal.value.errors[0].field == field
    assert (SlaTier.objects.count(), SupportTier.objects.count(), AuditEvent.objects.count()) == (0, 0, 0)
