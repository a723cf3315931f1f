"""Closing months: once, in order, and to the cent what was agreed for what was had."""

from datetime import timedelta
from decimal import Decimal

import pytest

from portal.billing.models import BillingProfile, Invoice, InvoiceLine, LineKind, Meter, MonthClose, UsageRecord
from portal.billing.selectors.closing import months_due, open_months
from portal.billing.services.closing import close_due
from portal.billing.services.issuing import void_invoice
from portal.billing.services.profiles import set_profile
from portal.billing.services.usage import correct_usage
from portal.billing.states import InvoiceState
from portal.core.actors import SYSTEM
from portal.core.errors import InvalidInput, StateConflict
from portal.core.periods import Period
from portal.fleet.models import Server
from portal.operations.services.events import tell
from portal.reservations.models import Allocation
from portal.reservations.services.enlarge import add_servers
from portal.reservations.services.extend import extend
from portal.reservations.services.lifecycle import cancel, end_due, take_back
from portal.reservations.services.shorten import shorten
from portal.reservations.states import AllocationState
from tests import factories
from tests.billing.yard import (
    FEBRUARY,
    JANUARY,
    MARCH,
    MID_JANUARY,
    added_ready,
    begun,
    clock_at,
    close,
    give_back,
    returned,
    run_out,
)

pytestmark = pytest.mark.django_db
A_DAY = timedelta(days=1)
DAY_PRICE = Decimal("2.50") * 8 * 24
"""Of one server of eight GPUs."""


@pytest.fixture(autouse=True)
def year():
    with clock_at(MID_JANUARY - timedelta(days=2)):
        yield


@pytest.fixture
def scope():
    factories.servers(8)
    return factories.buyer()


def lines(invoice):
    return list(invoice.lines.values_list("kind", "amount"))


def invoiced(organization):
    found = InvoiceLine.objects.filter(invoice__organization=organization).exclude(invoice__state=InvoiceState.VOID)
    return sum((line.amount for line in found), Decimal(0))


def test_a_reservation_over_two_months_comes_to_the_price_that_was_shown(scope):
    reservation = begun(scope, MID_JANUARY, days=30, count=3)
    run_out(reservation)

    (january,) = close(scope.organization, JANUARY)
    (february,) = close(scope.organization, FEBRUARY)

    assert (january.number, february.number) == ("INV-000001", "INV-000002")
    assert lines(january)[0][0] == LineKind.ON_DEMAND
    assert january.subtotal + february.subtotal == reservation.price == 90 * DAY_PRICE
    reserved = UsageRecord.objects.filter(meter=Meter.RESERVED)
    assert sum((row.duration for row in reserved), timedelta(0)) >= 90 * A_DAY
    assert close(scope.organization, MARCH) == []


def test_closing_again_changes_nothing(scope):
    begun(scope, MID_JANUARY, days=30)

    (first,) = close(scope.organization, JANUARY)
    (again,) = close(scope.organization, JANUARY)

    assert first == again
    assert (Invoice.objects.count(), MonthClose.objects.count(), UsageRecord.objects.count()) == (1, 1, 2)


def test_months_are_closed_in_order_and_when_they_are_over(scope):
    begun(scope, MID_JANUARY, days=30)

    with pytest.raises(StateConflict, match="Close January 2031 first"):
        close(scope.organization, FEBRUARY)
    with pytest.raises(StateConflict, match="is not over"):
        close(scope.organization, JANUARY, at=MID_JANUARY)

    assert not Invoice.objects.exists()
    assert not MonthClose.objects.exists()


def test_a_late_task_closes_all_that_is_due(scope):
    begun(scope, MID_JANUARY, days=30)

    with clock_at(MID_JANUARY + timedelta(days=80)):
        assert [month for _, month in months_due()] == [JANUARY, FEBRUARY, MARCH]
        assert close_due() == 3
        assert close_due() == 0
        assert open_months(scope.organization, MARCH) == []

    assert Invoice.objects.filter(state=InvoiceState.ISSUED).count() == 2


@pytest.mark.parametrize("in_time", [True, False])
def test_it_comes_to_the_same_whether_it_is_billed_in_time_or_late(scope, in_time):
    reservation = begun(scope, MID_JANUARY, days=20, count=2)
    with clock_at(MID_JANUARY + 3 * A_DAY):
        add_servers(scope=scope, actor=scope.actor, reservation=reservation, count=1)
        added_ready(reservation)
    if in_time:
        close(scope.organization, JANUARY)
    with clock_at(MID_JANUARY + 14 * A_DAY):
        until = MID_JANUARY + 25 * A_DAY
        extend(scope=scope, actor=scope.actor, reservation=reservation, ends_at=until)
        shorten(scope=scope, actor=scope.actor, reservation=reservation, ends_at=until - A_DAY)
    run_out(reservation)

    (january,) = close(scope.organization, JANUARY)
    (february,) = close(scope.organization, FEBRUARY)

    hours = Decimal((24 * 11) + 17) + Decimal(59 * 60 + 43) / 3600
    assert january.subtotal == ((2 * hours + hours - 72) * 20).quantize(Decimal("0.01"))
    assert invoiced(scope.organization) == reservation.price
    assert february.subtotal == reservation.price - january.subtotal


def test_what_is_given_back_early_costs_what_its_terms_say(scope):
    reservation = begun(scope, MID_JANUARY, days=10)
    give_back(reservation, scope, MID_JANUARY + 4 * A_DAY)

    (january,) = close(scope.organization, JANUARY)

    assert january.subtotal == reservation.price


def test_what_is_taken_back_and_paid_in_full_is_due_at_once(scope):
    reservation = begun(scope, MID_JANUARY, days=30)
    with clock_at(MID_JANUARY + A_DAY):
        take_back(actor=SYSTEM, reservation=reservation, reason="abuse")
        returned(reservation)

    (january,) = close(scope.organization, JANUARY)

    assert january.subtotal == reservation.price == 30 * DAY_PRICE


def test_what_is_called_off_costs_its_fee(scope):
    reservation = factories.reservation(scope, starts_at=MID_JANUARY, ends_at=MID_JANUARY + 2 * A_DAY)
    type(reservation).objects.filter(pk=reservation.pk).update(
        cancellation_terms=[{"notice_hours": 0, "percent": "50"}]
    )
    with clock_at(MID_JANUARY - A_DAY):
        cancel(scope=scope, actor=scope.actor, reservation=reservation)

    (january,) = close(scope.organization, JANUARY)

    assert lines(january) == [(LineKind.FEE, DAY_PRICE)]


def test_a_server_that_was_late_is_billed_from_its_own_hand_over(scope):
    reservation = begun(scope, MID_JANUARY, days=2)
    Allocation.objects.filter(reservation=reservation).update(ready_at=MID_JANUARY + timedelta(hours=12))
    run_out(reservation)

    (january,) = close(scope.organization, JANUARY)

    assert january.subtotal == DAY_PRICE * 3 / 2


def test_who_lost_the_only_server_is_not_charged_for_the_time_without_one(scope):
    reservation = begun(scope, MID_JANUARY, days=2)
    lost = reservation.allocations.get()
    with clock_at(MID_JANUARY + A_DAY):
        span = Period(MID_JANUARY + A_DAY, lost.occupied.upper)
        Allocation.objects.filter(pk=lost.pk).update(state=AllocationState.RELEASED, turnover=span.as_range())
        fields = {"hostname": lost.hostname, "position": 0, "occupied": span.as_range()}
        other = Server.objects.exclude(pk=lost.server_id)[0]
        Allocation.objects.create(reservation=reservation, server=other, state=AllocationState.BOOKED, **fields)
    with clock_at(reservation.span.end):
        end_due(actor=SYSTEM, reservation=reservation)

    (january,) = close(scope.organization, JANUARY)

    assert january.subtotal == DAY_PRICE


def test_time_switched_off_is_metered_apart(scope):
    reservation = begun(scope, MID_JANUARY, days=2)
    server = reservation.allocations.get().server
    for event_type, hours in (("step.shut_down.done", 10), ("step.power_on.done", 14)):
        with clock_at(MID_JANUARY + timedelta(hours=hours)):
            tell(actor=SYSTEM, subject=reservation.public_id, event_type=event_type, server=server)
    run_out(reservation, late=timedelta(0))
    close(scope.organization, JANUARY)

    found = dict(UsageRecord.objects.values_list("meter", "duration"))

    # It was handed over five minutes before its start.
    assert found[Meter.RESERVED] == timedelta(days=2, minutes=5)
    assert found[Meter.RESERVED] - found[Meter.POWERED] == timedelta(hours=4)


def test_a_correction_is_a_row_and_comes_on_the_next_invoice(scope):
    begun(scope, MID_JANUARY, days=30)
    close(scope.organization, JANUARY)
    usage = UsageRecord.objects.get(meter=Meter.RESERVED)
    given = Period(MID_JANUARY + A_DAY, Period.of_range(usage.period).end)

    with pytest.raises(InvalidInput):
        correct_usage(actor=SYSTEM, usage=usage, period=given, reason=" ")
    corrected = correct_usage(actor=SYSTEM, usage=usage, period=given, reason="it did not boot")
    with pytest.raises(StateConflict, match="meanwhile"):
        correct_usage(actor=SYSTEM, usage=usage, period=None, reason="again")
    (february,) = close(scope.organization, FEBRUARY)

    assert corrected.revision == 1
    assert (LineKind.CORRECTION, -DAY_PRICE) in lines(february)
    usage.refresh_from_db()
    assert usage.revision == 0


@pytest.mark.parametrize("also", [False, True])
def test_a_month_that_is_billed_anew_costs_what_it_did_whatever_was_billed_since(scope, also):
    """What later invoices charged is for their months, and stays there, also where one of them is void too."""
    begun(scope, MID_JANUARY, days=14)
    (january,) = close(scope.organization, JANUARY)
    (february,) = close(scope.organization, FEBRUARY)
    amounts = [january.subtotal, february.subtotal]
    void_invoice(actor=SYSTEM, invoice=january, reason="wrong address")
    if also:
        void_invoice(actor=SYSTEM, invoice=february, reason="wrong address")

    (anew,) = close(scope.organization, JANUARY, at=february.issued_at)
    (second,) = close(scope.organization, FEBRUARY)

    assert [anew.subtotal, second.subtotal] == amounts
    assert {kind for kind, _ in lines(anew)} == {LineKind.ON_DEMAND}
    assert close(scope.organization, MARCH) == []


def test_a_void_month_that_the_next_invoice_took_up_is_not_billed_twice(scope):
    begun(scope, MID_JANUARY, days=60)
    (january,) = close(scope.organization, JANUARY)
    void_invoice(actor=SYSTEM, invoice=january, reason="wrong address")
    (february,) = close(scope.organization, FEBRUARY)

    assert (LineKind.CORRECTION, january.subtotal) in lines(february)
    (anew,) = close(scope.organization, JANUARY, at=february.issued_at)
    assert (anew.subtotal, anew.state) == (0, InvoiceState.PAID)
    close(scope.organization, MARCH)
    assert invoiced(scope.organization) == 60 * DAY_PRICE


def test_a_customer_whose_invoices_are_looked_at_gets_a_draft(scope):
    set_profile(actor=SYSTEM, organization=scope.organization, is_reviewed=True, tax_rate=Decimal("19.00"))
    begun(scope, MID_JANUARY, days=1)

    (january,) = close(scope.organization, JANUARY)

    assert (january.state, january.number) == (InvoiceState.DRAFT, None)
    assert (january.tax, january.total) == (Decimal("91.20"), Decimal("571.20"))
    assert BillingProfile.objects.get().tax_rate == 19
