"""Numbers have no gaps and months are billed once, however many ask at the same time."""

import threading

import pytest
from django.db import transaction

from portal.billing.models import Invoice, MonthClose, NumberSeries
from portal.billing.services.closing import close_month
from portal.billing.services.numbering import next_number
from portal.core.actors import SYSTEM
from tests import factories
from tests.billing.yard import JANUARY, MID_JANUARY, begun, clock_at
from tests.racing import PATIENCE_S, race

pytestmark = pytest.mark.django_db(transaction=True)
CROWD = 8


class Lost(Exception):
    """Stands for whatever undoes a transaction after it took a number."""


def take(number):
    """Take a number; every other one is not used after all."""
    with transaction.atomic():
        found = next_number("T")
        if number % 2:
            raise Lost
    return found


def test_numbers_have_no_gaps():
    outcomes = race(CROWD, take)

    taken = sorted(found for found in outcomes if isinstance(found, str))
    assert taken == [f"T-{number:06d}" for number in range(1, CROWD // 2 + 1)]
    assert NumberSeries.objects.get().last == CROWD // 2


def test_without_the_lock_a_number_would_be_given_twice():
    """The control: all look at the last number before anybody has gone one further."""
    NumberSeries.objects.create(name="T")
    looked = threading.Barrier(CROWD)

    def look(_number):
        with transaction.atomic():
            last = NumberSeries.objects.get(name="T").last
            looked.wait(PATIENCE_S)
            return last + 1

    assert race(CROWD, look) == [1] * CROWD


def test_a_month_is_billed_once():
    with clock_at(MID_JANUARY.replace(day=18)):
        factories.servers(1)
        scope = factories.buyer()
        begun(scope, MID_JANUARY, days=2)
    with clock_at(MID_JANUARY.replace(month=2)):
        outcomes = race(4, lambda _number: close_month(actor=SYSTEM, organization=scope.organization, month=JANUARY))

    assert {tuple(invoice.number for invoice in found) for found in outcomes} == {("INV-000001",)}
    assert (Invoice.objects.count(), MonthClose.objects.count()) == (1, 1)
