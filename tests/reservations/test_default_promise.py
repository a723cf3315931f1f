"""What is booked without a contract has the default service level, from the row's first moment."""

import pytest

from portal.reservations.models import Reservation
from tests import factories
from tests.sla import world

pytestmark = pytest.mark.django_db


def test_a_booking_has_the_default_tier_where_there_is_one():
    factories.servers(3)
    before = factories.reservation()
    tier = world.tier()
    world.tier(slug="assured", is_default=False)

    after, held = factories.reservation(), factories.hold()

    assert Reservation.objects.get(pk=before.pk).sla_tier is None
    assert Reservation.objects.get(pk=after.pk).sla_tier == tier
    assert Reservation.objects.get(pk=held.reservation_id).sla_tier == tier


def test_what_a_contract_promises_stays():
    factories.server()
    world.tier()
    own = world.tier(slug="assured", is_default=False)
    made = factories.reservation()
    twin = Reservation.objects.get(pk=made.pk)
    twin.pk, twin.public_id, twin.name, twin.sla_tier = None, "res_other", "other", own

    twin.save(force_insert=True)

    assert Reservation.objects.get(pk=twin.pk).sla_tier == own
