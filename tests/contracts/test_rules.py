"""Which approval a contract needs, at the edge of each rule."""

from decimal import Decimal

import pytest

from portal.contracts.arithmetic import totals
from portal.contracts.rules import RULES, Approver, Facts, needed
from tests.contracts.test_arithmetic import line


def facts(lines=None, months=12, payment_days=30, overflow=0):
    found = tuple(lines or [line(servers=1)])
    return Facts(found, totals(found, found[0].period, "USD"), months, payment_days, overflow)


def off(percent, **kwargs):
    return line(servers=1, discount=Decimal(percent), floor_rate=Decimal(0), **kwargs)


@pytest.mark.parametrize(
    ("within", "beyond", "code", "approver"),
    [
        (
            facts([line(servers=1, unit=Decimal("2.5"), discount=Decimal(0), floor_rate=Decimal("2.5"))]),
            facts([line(servers=1, unit=Decimal("2.5"), discount=Decimal(0), floor_rate=Decimal("2.500001"))]),
            "below_floor",
            Approver.SALES_LEAD,
        ),
        (facts([off("15")]), facts([off("15.01")]), "discount", Approver.SALES_LEAD),
        (facts([line(servers=6)]), facts([line(servers=7)]), "size", Approver.SALES_LEAD),
        (facts(months=24), facts(months=25), "term", Approver.SALES_LEAD),
        (facts(overflow=0), facts(overflow=1), "quota", Approver.SALES_LEAD),
        (facts(payment_days=30), facts(payment_days=31), "payment_days", Approver.FINANCE),
    ],
    ids=[rule.code for rule in RULES],
)
def test_each_rule_holds_beyond_its_edge_alone(within, beyond, code, approver):
    assert needed(within) == []
    (need,) = needed(beyond)
    assert (need.codes, need.approver) == ((code,), approver)
    assert all(need.reasons)


def test_each_role_is_asked_once_with_all_reasons():
    needs = needed(facts([line(servers=1, discount=Decimal(30))], months=36, payment_days=60))

    assert [(need.title, need.codes) for need in needs] == [
        ("Sales lead", ("below_floor", "discount", "term")),
        ("Finance", ("payment_days",)),
    ]
