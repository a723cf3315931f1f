"""Credits for missed promises: granted once, in their own currency, and given back by a void invoice."""

from datetime import timedelta
from decimal import Decimal

import pytest

from portal.billing.models import AccountKind, CreditGrant, Invoice, LineKind, MonthClose
from portal.billing.selectors.amounts import credits_left
from portal.billing.selectors.ledger import balance
from portal.billing.services.closing import close_due
from portal.billing.services.credits import grant_credit
from portal.billing.services.issuing import void_invoice
from portal.billing.services.promises import take_up_credits, words_of
from portal.core.actors import SYSTEM
from portal.core.months import begin_of
from portal.sla.definitions import Condition
from portal.sla.models import ServerMonth, SlaCredit
from portal.sla.services.credits import void_credit
from portal.sla.services.measuring import measure_month
from portal.tenancy.staff import StaffRole
from tests import factories, staff
from tests.billing.yard import FEBRUARY, JANUARY, MARCH, MID_JANUARY, begun, clock_at, close
from tests.sla import promises, world

pytestmark = pytest.mark.django_db
A_DAY = timedelta(days=1)
REASON = {"reason": "The probe was wrong, ticket 9."}
FULL, TENTH, QUARTER = Decimal(4800), Decimal(480), Decimal(1200)
"""Of ten days of a server, and parts of that."""


@pytest.fixture(autouse=True)
def year():
    with clock_at(MID_JANUARY - 2 * A_DAY):
        yield


@pytest.fixture
def missed():
    """Return a reservation whose server was down for a day of the ten of which it was to be up 99.5 %."""
    world.tier(below=[Decimal("99.5")], credits=[Decimal(25)])
    factories.servers(2)
    made = begun(factories.buyer(), MID_JANUARY, days=10)
    since = MID_JANUARY + A_DAY
    world.seen(world.server_of(made), Condition.DOWN, since, since + A_DAY)
    return made


def scope_of(reservation):
    return factories.scope(in_project=reservation.project)


def credits_on(invoice):
    return [row.amount for row in invoice.lines.filter(kind=LineKind.CREDIT)]


@pytest.mark.parametrize("is_measured", [False, True])
def test_the_credit_is_on_the_months_own_invoice_whichever_comes_first(missed, is_measured):
    if is_measured:
        with clock_at(begin_of(FEBRUARY)):
            measure_month(actor=SYSTEM, month=JANUARY)
    (january,) = close(missed.organization, JANUARY)
    (again,) = close(missed.organization, JANUARY)

    assert (january, credits_on(january), january.subtotal) == (again, [-QUARTER], FULL - QUARTER)
    assert (ServerMonth.objects.count(), SlaCredit.objects.count(), CreditGrant.objects.count()) == (1, 1, 1)


def test_closing_measures_nobody_elses_month(missed):
    other = begun(factories.buyer(), MID_JANUARY, days=10)
    close(other.organization, JANUARY)

    assert [row.reservation for row in ServerMonth.objects.all()] == [other]
    assert not SlaCredit.objects.exists()


def test_a_void_invoice_gives_the_credit_back(missed):
    (january,) = close(missed.organization, JANUARY)
    void_invoice(actor=SYSTEM, invoice=january, reason="wrong address")
    grant = CreditGrant.objects.get()
    assert credits_left(missed.organization, "USD") == [(grant, QUARTER)]

    (anew,) = close(missed.organization, JANUARY)

    assert (anew.subtotal, credits_on(anew)) == (FULL - QUARTER, [-QUARTER])
    assert credits_left(missed.organization, "USD") == []
    assert CreditGrant.objects.get() == grant


def test_a_credit_that_is_known_late_or_of_another_currency_waits_for_its_invoice(missed):
    tier = missed.sla_tier
    begun(scope_of(missed), begin_of(FEBRUARY) + A_DAY, days=10)
    close(missed.organization, JANUARY)
    came = {"late": [{"came_at": "2030-01-03T00:00:00Z"}]}
    late = promises.credit(missed, tier=tier, month=JANUARY, reason="late_handover", amount=TENTH, arithmetic=came)
    euro = promises.credit(missed, tier=tier, month=JANUARY, reason="late_replacement", currency="EUR")

    (february,) = close(missed.organization, FEBRUARY)

    assert credits_on(february) == [-TENTH]
    assert "handed over late" in february.lines.get(kind=LineKind.CREDIT).label
    late.arithmetic = {"late": [{"came_at": None}]}
    assert "not handed over" in words_of(late)
    for row in (late, euro):
        row.refresh_from_db()
    assert (late.state, euro.state) == ("invoiced", "invoiced")
    assert [left for _, left in credits_left(missed.organization, "EUR")] == [euro.amount]
    assert close(missed.organization, MARCH) == []


def test_what_somebody_granted_by_hand_is_not_granted_again(missed):
    with clock_at(begin_of(FEBRUARY)):
        measure_month(actor=SYSTEM, month=JANUARY)
    credit = SlaCredit.objects.get()
    grant_credit(
        actor=SYSTEM,
        organization=missed.organization,
        amount=credit.money,
        label="by hand",
        reference=credit.public_id,
        month=JANUARY,
    )
    (january,) = close(missed.organization, JANUARY)

    credit.refresh_from_db()
    assert (credit.state, credits_on(january)) == ("invoiced", [-QUARTER])


def test_a_credit_that_is_taken_back_is_not_granted(missed):
    with clock_at(begin_of(FEBRUARY)):
        measure_month(actor=SYSTEM, month=JANUARY)
        void_credit(actor=SYSTEM, credit=SlaCredit.objects.get(), reason="the probe was wrong")
    (january,) = close(missed.organization, JANUARY)

    assert credits_on(january) == []
    assert Invoice.objects.count() == 1
    assert not CreditGrant.objects.exists()


def test_who_was_never_handed_anything_gets_its_credit_all_the_same():
    row = promises.credit(month=JANUARY, reason="late_handover")
    with clock_at(begin_of(FEBRUARY) + timedelta(hours=5)):
        assert close_due() == 0
    with clock_at(begin_of(FEBRUARY) + timedelta(hours=6)):
        assert close_due() == 1
        assert close_due() == 0

    row.refresh_from_db()
    assert (row.state, CreditGrant.objects.get().value) == ("invoiced", row.money)
    assert balance(AccountKind.RECEIVABLE, row.currency, row.organization).amount == -row.amount
    assert not Invoice.objects.exists()


def test_what_goes_wrong_with_one_customer_keeps_no_other_from_its_credit(caplog):
    # Nothing that we write: without what it was worked out from nobody can say what it is for.
    broken = promises.credit(month=JANUARY, arithmetic={})
    row = promises.credit(month=JANUARY, reason="late_handover")
    with clock_at(begin_of(FEBRUARY) + timedelta(hours=6)):
        assert close_due() == 1

    assert [one.organization for one in CreditGrant.objects.all()] == [row.organization]
    assert broken.organization.public_id in caplog.text
    assert not MonthClose.objects.filter(organization=broken.organization).exists()


def test_finance_makes_a_credit_void_and_the_customer_reads_why():
    row = promises.credit()
    sales, finance = staff.browser(StaffRole.SALES), staff.browser(StaffRole.FINANCE)
    assert sales.post(staff.act_of(row, "void"), REASON).status_code == 403
    assert "read" in finance.get(staff.act_of(row, "void")).content.decode()
    finance.post(staff.act_of(row, "void"), {"reason": " "})
    row.refresh_from_db()
    assert row.state == "due"

    finance.post(staff.act_of(row, "void"), {**staff.chosen(row), **REASON})

    row.refresh_from_db()
    assert (row.state, row.state_reason) == ("void", REASON["reason"])
    assert take_up_credits(actor=SYSTEM, organization=row.organization, month=JANUARY) == []
    assert finance.get(staff.page_of(row)).content.decode().count("act/void/") == 0
