"""What was agreed on keeps its price when prices rise; what is new is measured by the prices of that day."""

from dataclasses import replace
from decimal import Decimal

import pytest
import time_machine

from portal.approvals.models import Approval
from portal.catalog.models import Commitment, Price
from portal.contracts.models import ContractApproval
from portal.contracts.needs import lines_of
from portal.contracts.services.amending import amend_contract, renew_contract
from portal.contracts.services.drafting import set_lines
from portal.contracts.services.ending import move_on
from portal.contracts.services.quoting import quote_contract
from portal.contracts.wishes import LineWish
from portal.core.errors import InvalidInput
from tests import factories
from tests.contracts import builders
from tests.contracts.builders import DAY, author_of, line, wrong
from tests.thawing import thawed

pytestmark = pytest.mark.django_db


@pytest.fixture
def scope():
    return builders.stage(servers=6)


def prices_rise(listed="4.00", floor="3.00"):
    with thawed():
        Price.objects.update(per_gpu_hour=Decimal(listed), floor_per_gpu_hour=Decimal(floor))


def nothing_is_sold():
    with thawed():
        Price.objects.all().delete()


@pytest.mark.parametrize("happens", [prices_rise, nothing_is_sold])
def test_lines_that_go_on_keep_the_prices_that_were_agreed(scope, happens):
    contract = builders.active(scope)
    happens()
    after = amend_contract(actor=author_of(contract), contract=contract)
    (row,) = lines_of(after)

    assert (row.unit_price, row.list_price, row.floor_price) == (Decimal("2.5"), Decimal("2.5"), Decimal(2))
    assert quote_contract(actor=author_of(contract), contract=after).state == "quoted"
    assert not Approval.objects.exists()


def test_what_a_later_version_changes_or_copies_is_measured_by_todays_prices(scope):
    contract = builders.active(scope)
    after = amend_contract(actor=author_of(contract), contract=contract)
    (kept,) = [LineWish.of(row, origin=row.origin) for row in lines_of(after)]
    prices_rise()
    for rows in ([replace(kept, count=3)], [kept, kept]):
        with pytest.raises(InvalidInput) as refusal:
            set_lines(actor=author_of(contract), contract=after, lines=rows)
        assert wrong(refusal) == {(f"lines.{len(rows) - 1}.below_floor_reason", "required")}
    # A line of another contract is nothing that this one goes on with.
    other = builders.draft(scope, line(count=1, unit_price=Decimal(4)))
    with pytest.raises(InvalidInput):
        set_lines(actor=author_of(other), contract=other, lines=[kept])


@pytest.mark.parametrize(("listed", "floor"), [("4.00", "3.00"), ("10.00", "2.00")])
def test_who_must_agree_follows_from_the_prices_of_the_day_of_the_offer(scope, listed, floor):
    contract = builders.draft(scope, line(below_floor_reason="a launch customer"))
    prices_rise(listed, floor)
    quote_contract(actor=author_of(contract), contract=contract)

    assert ContractApproval.objects.get().role == "sales_lead"
    assert contract.lines.get().list_price == Decimal(listed)


def test_a_renewal_at_a_price_below_the_floor_of_today_needs_somebody_to_agree(scope):
    contract = builders.active(scope)
    prices_rise()
    renewed = renew_contract(actor=author_of(contract), contract=contract, ends_at=contract.span.end + 90 * DAY)

    row = renewed.lines.get()
    assert (row.unit_price, row.below_floor_reason) == (Decimal("2.5"), f"The price of {contract}")
    quote_contract(actor=author_of(contract), contract=renewed)
    assert "below the floor" in Approval.objects.get().reason


def test_what_is_over_is_renewed_from_the_next_day_on(scope):
    contract = builders.active(scope)
    with time_machine.travel(contract.span.end + 2.5 * DAY, tick=False):
        assert move_on(contract=contract)
        ends_at = contract.span.end + 90 * DAY
        renewed = renew_contract(actor=author_of(contract), contract=contract, ends_at=ends_at)

    assert (renewed.span.start, renewed.span.end) == (contract.span.end + 3 * DAY, ends_at)
    assert renewed.lines.get().span == renewed.span


def test_the_reserved_price_is_for_who_binds_itself_to_a_minimum_spend(scope):
    factories.price(rate="2.40", floor="2.20", months=2)
    factories.price(rate="2.00", floor="1.80", months=2, commitment=Commitment.RESERVED)
    (free,) = lines_of(builders.draft(scope))
    (bound,) = lines_of(builders.draft(scope, minimum_spend=Decimal(1000)))

    assert (free.unit_price, free.floor_price) == (Decimal("2.4"), Decimal("2.2"))
    assert (bound.unit_price, bound.floor_price) == (Decimal(2), Decimal("1.8"))


def test_quota_beside_the_lines_needs_somebody_to_agree(scope):
    contract = builders.quoted(scope, line(overflow=4))

    assert ContractApproval.objects.get().reasons == ["Quota for up to 4 servers beside its lines."]
    assert contract.state == "quoted"
