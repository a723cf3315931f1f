"""What is missing to an agreed minimum: once, when its time is over, and corrected where more was spent later."""

from copy import copy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.billing.commitments import Spending, shortfall
from portal.billing.models import LineKind
from portal.billing.selectors.closing import months_due
from portal.billing.services.issuing import void_invoice
from portal.contracts.models import Commitment, Contract
from portal.contracts.selectors import booked_beside, commitments_over
from portal.contracts.services.activating import activate_contract
from portal.contracts.services.amending import amend_contract
from portal.contracts.services.ending import terminate_contract
from portal.contracts.services.quoting import quote_contract
from portal.contracts.services.sending import send_contract
from portal.core import clock
from portal.core.actors import SYSTEM
from portal.core.money import Money
from portal.core.periods import Period
from portal.reservations.models import Reservation
from tests import factories
from tests.billing.yard import FEBRUARY, JANUARY, begun, clock_at, close
from tests.contracts import builders
from tests.contracts.builders import author_of, line

NOW = datetime(2031, 1, 5, 12, tzinfo=UTC)
BEGIN, END = (datetime(2031, *day, tzinfo=UTC) for day in ((1, 11), (2, 1)))
MINIMUM = Spending("C-2031-00001", Money(Decimal(1000), "USD"), Decimal(0), Decimal(0))
cents = st.decimals(min_value=0, max_value=3000, places=2)


def test_what_is_missing_is_a_line_and_what_is_not_is_none():
    line = shortfall(replace(MINIMUM, spent=Decimal("400.01")))
    assert (line.kind, line.amount) == (LineKind.SHORTFALL, Decimal("599.99"))
    assert line.label == "C-2031-00001: up to the agreed minimum of USD 1,000.00"
    assert shortfall(replace(MINIMUM, spent=Decimal(1000))) is None
    early = shortfall(replace(MINIMUM, spent=Decimal(400), percent=Decimal(50)))
    assert early.amount == 300
    assert early.label.endswith(", 50 % of what is missing")


@settings(max_examples=50)
@given(cents, cents)
def test_what_is_charged_in_all_is_what_is_missing_at_last(first, second):
    """However spending changes between two looks, and whichever way."""
    before = shortfall(replace(MINIMUM, spent=first))
    charged = before.amount if before else Decimal(0)
    after = shortfall(replace(MINIMUM, spent=second, charged=charged))

    assert charged + (after.amount if after else 0) == max(Decimal(1000) - second, 0)
    assert after is None or after.kind == (LineKind.SHORTFALL if after.amount > 0 else LineKind.CORRECTION)


@pytest.fixture
def scope(db):
    with clock_at(NOW):
        yield builders.stage(servers=2)


def active(scope, minimum="5000", **kwargs):
    return builders.active(
        scope,
        line(count=1, starts_at=BEGIN, ends_at=END),
        starts_at=BEGIN,
        ends_at=END,
        minimum_spend=Decimal(minimum),
        **kwargs,
    )


def shortfalls(invoice):
    return [row.amount for row in invoice.lines.filter(kind=LineKind.SHORTFALL)]


def test_who_used_nothing_owes_all_of_it_once(scope):
    contract = active(scope, po_number="PO-9", payment_days=14)

    with clock_at(END + timedelta(hours=6)):
        assert months_due() == [(scope.organization, JANUARY)]
    (january,) = close(scope.organization, JANUARY)

    assert shortfalls(january) == [Decimal(5000)]
    assert january.lines.get().contract == contract
    assert (january.buyer["po_number"], january.due_at - january.issued_at) == ("PO-9", timedelta(days=14))
    assert close(scope.organization, FEBRUARY) == []
    void_invoice(actor=SYSTEM, invoice=january, reason="wrong address")
    (anew,) = close(scope.organization, JANUARY)
    assert shortfalls(anew) == [Decimal(5000)]


def test_an_early_end_makes_owed_what_the_contract_says_of_it(scope):
    contract = active(scope, clauses={"early_end_percent": Decimal(40)})
    terminate_contract(actor=author_of(contract), contract=contract, at=NOW, reason="moved away")

    (january,) = close(scope.organization, JANUARY)

    # 504 hours of eight GPUs at 2.50 are 10,080.00, and 40 % of that was charged: 968.00 are missing.
    assert Reservation.objects.get().cancellation_fee == 4032
    assert shortfalls(january) == [Decimal("387.20")]
    assert january.subtotal == Decimal("4419.20")


def test_a_notice_that_it_is_not_renewed_is_no_early_end(scope):
    clauses = {"renewal": "automatic", "renewal_months": 1, "notice_days": 10, "early_end_percent": Decimal(40)}
    contract = active(scope, clauses=clauses)
    terminate_contract(actor=author_of(contract), contract=contract, at=END, reason="moves on")

    (january,) = close(scope.organization, JANUARY)
    assert shortfalls(january) == [Decimal(5000)]


def test_before_its_time_is_over_and_where_a_later_version_took_its_place_nothing_is_missing(scope):
    contract = active(scope)
    assert commitments_over(scope.organization, END - timedelta(seconds=1)) == []
    assert commitments_over(scope.organization, END) == [Commitment.objects.get()]

    actor = author_of(contract)
    after = amend_contract(actor=actor, contract=contract)
    Contract.objects.filter(pk=after.pk).update(minimum_spend=0)
    quote_contract(actor=actor, contract=after)
    send_contract(actor=actor, contract=after)
    after.refresh_from_db()
    activate_contract(actor=actor, contract=builders.sign(scope, after))

    assert commitments_over(scope.organization, END) == []


def test_what_is_booked_beside_a_contract_that_allows_it_is_told_apart_from_what_it_sold(scope):
    factories.servers(2, with_bmc=False)
    contract = builders.active(
        scope, line(count=1, starts_at=BEGIN, ends_at=END, overflow=2), starts_at=BEGIN, ends_at=END
    )
    other = factories.region("us-central-1")
    sold = Reservation.objects.get()
    times = {"starts_at": BEGIN + timedelta(days=1), "ends_at": END}
    beside = factories.reservation(scope, name="beside", count=1, **times)
    assert beside.created_at >= contract.activated_at

    assert booked_beside(scope.organization, [sold, beside]) == {beside.pk}

    def with_(**fields):
        row = copy(beside)
        for name, value in fields.items():
            setattr(row, name, value)
        return [row]

    early = contract.activated_at - timedelta(seconds=1)
    late = Period(END, END + timedelta(days=1)).as_range()
    for fields in ({"region": other}, {"created_at": early}, {"period": late}):
        assert booked_beside(scope.organization, with_(**fields)) == set()
    terminate_contract(actor=author_of(contract), contract=contract, at=NOW, reason="moved away")
    assert booked_beside(scope.organization, with_(created_at=clock.now() + timedelta(days=1))) == set()
    assert booked_beside(scope.organization, [beside]) == {beside.pk}


def test_hours_beside_a_contract_are_lines_of_overflow(scope):
    factories.servers(2, with_bmc=False)
    builders.active(scope, line(count=1, starts_at=BEGIN, ends_at=END, overflow=2), starts_at=BEGIN, ends_at=END)
    begun(scope, BEGIN, days=2)

    (january,) = close(scope.organization, JANUARY)

    assert [row.kind for row in january.lines.all()] == [LineKind.OVERFLOW]
