"""Random histories as raw rows, closed month after month by what closes real ones: each invoice that is stored is what
an oracle says, to the cent and the second.

Closing a month costs the same for one history or fifty, so most histories share a customer with others.
"""

from collections import defaultdict
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from django.db import connection, transaction
from django.db.models import Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.billing.models import AccountKind, Invoice, InvoiceLine, Leg, LineKind, Meter, UsageRecord
from portal.billing.selectors.ledger import unbalanced
from portal.billing.services.closing import close_month
from portal.billing.services.issuing import void_invoice
from portal.billing.services.usage import correct_usage
from portal.billing.states import InvoiceState
from portal.core.actors import SYSTEM
from portal.core.months import span_of
from portal.reservations.models import Allocation
from tests.billing.customers import Customer
from tests.billing.raw import Yard
from tests.billing.yard import clock_at

pytestmark = pytest.mark.django_db
SIZES = (2, 75, 240)
"""How many histories the customers of a batch have."""
SERVERS = 6000
HALF_A_PLACE = Fraction(1, 2_000_000)
"""GPU-hours are shown with six places."""


@contextmanager
def rolled_back():
    """Leave the database as it was; what is looked at when a transaction ends is looked at before that."""
    with transaction.atomic():
        yield
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        transaction.set_rollback(True)


def customers(seed, yard, sizes=SIZES):
    return [Customer(seed + number, size, yard.kinds, yard.region) for number, size in enumerate(sizes)]


def billed(yard, some, spoil=None):
    """Live through all months of some customers, and compare."""
    yard.begin(some)
    due = defaultdict(list)
    for customer in some:
        for month in customer.months:
            due[customer.closed_at(month)].append((month, customer))
    for moment, closings in sorted(due.items()):
        with clock_at(moment):
            yard.write({id(customer): customer for _, customer in closings}.values(), moment)
            if spoil:
                spoil(moment)
            for month, customer in sorted(closings, key=lambda one: one[0]):
                yard.give([customer], month)
                closed(customer, month, moment)
    for customer in some:
        compare_accounts(customer)
    assert unbalanced() == {}


def closed(customer, month, moment):
    made = close_month(actor=SYSTEM, organization=customer.organization, month=month)
    customer.give(month)
    if customer.is_voided and month == customer.months[len(customer.months) // 2]:
        for invoice in made:
            if invoice.state == InvoiceState.ISSUED:
                void_invoice(actor=SYSTEM, invoice=invoice, reason="the address was wrong")
        made = close_month(actor=SYSTEM, organization=customer.organization, month=month)
    expected = customer.expected(month)
    assert [invoice.currency for invoice in made] == sorted(expected), (customer.seed, month)
    for invoice in made:
        compare(customer, invoice, expected[invoice.currency], moment)
    if customer.is_corrected and month == customer.months[0]:
        correct(customer, month)


def correct(customer, month):
    """Let finance take out a month of a server."""
    for life in customer.lives:
        usage = UsageRecord.objects.filter(reservation=life.reservation.pk, meter=Meter.RESERVED, month=month).first()
        if usage is not None and sum(turn.place == usage.position for turn in life.turns) == 1:
            correct_usage(actor=SYSTEM, usage=usage, period=None, reason="it did not boot")
            span = span_of(month)
            life.oracle.take_out(usage.position, span.start, span.end)
            return


def compare(customer, invoice, expected, moment):
    lines = list(invoice.lines.order_by("position"))
    charges = [line for line in lines if line.kind != LineKind.CREDIT]
    by_pk = {life.reservation.pk: life for life in customer.lives}
    where = (f"customer {customer.seed}", f"{invoice.month:%Y-%m}", invoice.currency)
    for line, wanted in zip(charges, expected.lines, strict=False):
        life = by_pk.get(line.reservation_id)
        seed = f"history {life.seed}" if life else "contract"
        assert (life, line.kind, line.amount) == (wanted.life, wanted.kind, wanted.amount), (*where, seed)
        if wanted.rate is not None:
            gpus = life.kind.gpu_count
            assert Fraction(line.rate) * gpus == wanted.rate, (*where, seed)
            exact = Fraction(wanted.time * gpus, 3_600_000_000)
            assert abs(Fraction(line.gpu_hours) - exact) <= HALF_A_PLACE, (*where, seed)
        version = customer.versions[-1] if life is None else customer.contract_of(life, moment)
        assert line.contract_id == (version.row.pk if version else None), (*where, seed)
    assert len(charges) == len(expected.lines), where
    taken = [-line.amount for line in lines if line.kind == LineKind.CREDIT]
    assert taken == expected.taken, where
    sums = (expected.subtotal, expected.tax, expected.subtotal + expected.tax)
    assert (invoice.subtotal, invoice.tax, invoice.total) == sums, where


def compare_accounts(customer):
    legs = Leg.objects.filter(account__organization=customer.organization, account__kind=AccountKind.RECEIVABLE)
    sums = legs.order_by().values_list("account__currency").annotate(sum=Sum("amount"))
    found = {currency: amount for currency, amount in sums if amount}
    wanted = {currency: amount for currency, amount in customer.receivable.items() if amount}
    assert found == wanted, f"customer {customer.seed}"
    # What stands is what all histories owe, less what waits.
    stand = InvoiceLine.objects.filter(invoice__organization=customer.organization, reservation__isnull=False)
    charged = stand.exclude(invoice__state=InvoiceState.VOID).aggregate(sum=Sum("amount"))["sum"] or Decimal(0)
    assert charged == sum(customer.charged.values()), f"customer {customer.seed}"


@pytest.fixture
def yard(db):
    return Yard(SERVERS)


def test_a_hundred_histories_are_invoiced_as_an_oracle_says(yard):
    with rolled_back():
        billed(yard, customers(4711, yard, (1, 24, 75)))
        assert Invoice.objects.exists()


def pays_by_the_second(life):
    """Tell whether a second of its first server is a cent or more, and is billed in its first month."""
    used = life.oracle.served and life.oracle.prices
    return used and not life.is_early and (0, 0) in life.oracle.served and life.oracle.prices[0][0] >= 36


def test_one_second_in_one_raw_row_is_noticed(yard):
    some = customers(1, yard, (9,))
    life = next(each for each in some[0].lives if pays_by_the_second(each))

    def shift(moment):
        allocations = Allocation.objects.filter(reservation=life.reservation.pk, position=0)
        allocations.filter(ready_at=life.oracle.begin).update(ready_at=life.oracle.begin + timedelta(seconds=1))

    with rolled_back():
        billed(yard, customers(1, yard, (9,)))
    with pytest.raises(AssertionError, match=f"history {life.seed}"), rolled_back():
        billed(yard, some, spoil=shift)


@pytest.mark.long
@pytest.mark.timeout(1800)
@settings(max_examples=32, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**62))
def test_ten_thousand_histories_are_invoiced_as_an_oracle_says(yard, seed):
    with rolled_back():
        billed(yard, customers(seed, yard))
