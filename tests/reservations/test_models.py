"""What the database refuses whoever writes, and what is owed."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

from portal.core import clock
from portal.core.money import Money
from portal.reservations.models import Allocation, Reservation
from portal.reservations.states import HOLDING, LIVE, TO_COME, AllocationState, ReservationState
from tests import factories
from tests.reservations.calendars import at, bare_reservation, occupy

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]


def refused(act):
    """Return the name of the constraint that refuses ``act``."""
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        act()
    return caught.value.__cause__.diag.constraint_name


@pytest.mark.parametrize("first,last", [(0, 10), (2, 4), (9, 12), (-3, 1)])
def test_a_server_is_not_held_twice_at_one_instant(first, last):
    server = factories.server()
    occupy(bare_reservation(), server, 0, 10)

    assert refused(lambda: occupy(bare_reservation(), server, first, last)) == "allocation_no_overlap"
    assert Allocation.objects.count() == 1


@pytest.mark.parametrize("first,last", [(10, 12), (-3, 0)])
def test_periods_that_touch_may_be_held(first, last):
    server = factories.server()
    occupy(bare_reservation(), server, 0, 10)

    assert occupy(bare_reservation(), server, first, last).pk


@pytest.mark.parametrize("state", AllocationState)
@pytest.mark.parametrize("other", AllocationState)
def test_overlap_is_refused_exactly_between_states_that_hold(state, other):
    server = factories.server()
    occupy(bare_reservation(), server, 0, 10, state)

    if state in HOLDING and other in HOLDING:
        assert refused(lambda: occupy(bare_reservation(), server, 5, 15, other)) == "allocation_no_overlap"
    else:
        assert occupy(bare_reservation(), server, 5, 15, other).pk


def test_a_form_says_it_with_the_code_of_the_refusal():
    server = factories.server()
    row = occupy(bare_reservation(), server, 0, 10)
    again = Allocation(
        state="booked", reservation=row.reservation, server=server, position=1, hostname="x", occupied=row.occupied
    )

    with pytest.raises(ValidationError) as caught:
        again.validate_constraints()

    assert [error.code for error in caught.value.error_dict["__all__"]] == ["insufficient_capacity"]


def bounds():
    start, end = at(0), at(6)
    return [
        DateTimeTZRange(start, end, "[]"),
        DateTimeTZRange(start, end, "(]"),
        DateTimeTZRange(start, end, "()"),
        DateTimeTZRange(None, end, "[)"),
        DateTimeTZRange(start, None, "[)"),
        DateTimeTZRange(start, start, "[)"),
        DateTimeTZRange(empty=True),
    ]


@pytest.mark.parametrize("number", range(7))
def test_only_bounded_half_open_periods_are_kept(number):
    value = bounds()[number]
    reservation = bare_reservation()
    occupy(reservation, factories.server(), 0, 1)

    assert refused(lambda: Reservation.objects.update(period=value)) == "reservation_period_bounded"
    assert refused(lambda: Allocation.objects.update(occupied=value)) == "allocation_occupied_bounded"


def test_what_makes_no_sense_is_refused():
    bare_reservation()

    def change(**fields):
        return refused(lambda: Reservation.objects.update(**fields))

    assert change(state="lost") == "reservation_state_known"
    assert change(count=0) == "reservation_count"
    assert change(price=-1) == "reservation_price"
    assert change(name="No") == "reservation_name_is_label"
    assert change(name="a\n") == "reservation_name_is_label"


@pytest.mark.parametrize("state", ReservationState)
def test_a_name_is_taken_as_long_as_its_reservation_lives(state):
    first = bare_reservation(state)

    def again():
        return bare_reservation(project=first.project, name=first.name)

    if state in LIVE:
        assert refused(again) == "reservation_name_once"
    else:
        assert again().name == first.name


def test_another_project_may_use_the_name():
    assert bare_reservation(name=bare_reservation().name).pk


def test_host_names_are_held_once_in_a_reservation():
    reservation = bare_reservation()
    occupy(reservation, factories.server(), 0, 1)
    occupy(reservation, factories.server(), 0, 1)

    assert refused(lambda: Allocation.objects.update(hostname="same")) == "allocation_hostname_once"


@pytest.mark.parametrize("was_handed_over", [False, True])
@pytest.mark.parametrize("state", ReservationState)
def test_nothing_is_owed_once_it_is_over_without_a_hand_over(state, was_handed_over):
    agreed = Decimal("1234.50")
    reservation = bare_reservation(state, price=agreed, handed_over_at=clock.now() if was_handed_over else None)

    owed = was_handed_over or state in TO_COME
    assert reservation.total == Money(agreed if owed else Decimal(0), "USD")
    assert Reservation.objects.get().price == agreed


def test_a_reservation_knows_its_span_and_its_gpus():
    reservation = bare_reservation(count=3)

    assert (reservation.span.start, reservation.span.duration) == (at(0), timedelta(hours=1))
    assert reservation.gpu_count == 24
