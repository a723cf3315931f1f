"""What is offered for a demand, and that every offer can really be had."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.core import clock
from portal.core.errors import NoPrice
from portal.core.periods import Period
from portal.reservations.capacity import Demand
from portal.reservations.models import Enquiry, Placement
from portal.reservations.offers import MAX_OFFERS, OfferKind, search
from portal.reservations.services.reserve import reserve
from tests import factories

pytestmark = pytest.mark.django_db


def demand(count=1, days=2, start_in=timedelta(days=3), placement=Placement.SAME_FABRIC, fabric=None):
    start = clock.now() + start_in
    period = Period(start, start + timedelta(days=days))
    return Demand(factories.server_type(), factories.region(), count, period, placement, fabric=fabric)


def by_kind(answer):
    return {offer.kind: offer for offer in answer.offers}


def take(offer, scope):
    """Reserve exactly what the offer says."""
    return factories.reservation(
        scope,
        region=offer.region,
        fabric=offer.fabric,
        count=offer.count,
        starts_at=offer.period.start,
        ends_at=offer.period.end,
        placement=offer.placement,
    )


def test_what_fits_is_offered_with_its_neighbours():
    scope = factories.buyer()
    factories.servers(4)
    wish = demand(count=3)
    answer = search(scope, wish)
    assert (answer.available, answer.free, answer.next_fit) == (True, 4, None)
    offers = by_kind(answer)
    assert answer.offers[0].kind == OfferKind.EXACT
    assert answer.offers[0].demand == wish
    assert offers[OfferKind.EXACT].fabric == factories.fabric()
    assert offers[OfferKind.SHORTER].period.duration == timedelta(days=1)
    assert offers[OfferKind.LONGER].period.duration == timedelta(days=3)
    assert offers[OfferKind.LATER].period.start == wish.period.start + timedelta(days=1)
    # 3 servers x 8 GPUs x 48 hours x 2.50
    assert offers[OfferKind.EXACT].price.total.as_json() == {"amount": "2880.00", "currency": "USD"}


def test_each_offer_for_what_does_not_fit_can_be_reserved():
    scope = factories.buyer()
    south = factories.region("us-south-1")
    factories.servers(2)
    factories.servers(2, in_fabric=factories.fabric("B"))
    factories.servers(3, in_fabric=factories.fabric("S", south))
    factories.price(in_region=south)
    factories.quota(scope.organization, in_region=south)
    begin = clock.now() + timedelta(days=4)
    for _ in range(2):
        factories.reservation(scope, count=1, starts_at=begin, ends_at=begin + timedelta(days=3))
    answer = search(scope, demand(count=3))
    assert (answer.available, answer.free) == (False, 2)
    kinds = by_kind(answer)
    assert set(kinds) == {OfferKind.FEWER, OfferKind.OTHER_REGION}
    assert kinds[OfferKind.OTHER_REGION].region == south
    for offer in answer.offers:
        assert take(offer, scope).count == offer.count


def test_later_and_shorter_are_found_and_nothing_that_does_not_fit(noon):
    scope = factories.buyer()
    factories.servers(2)
    factories.servers(1, in_fabric=factories.fabric("B"))
    begin = clock.now() + timedelta(days=4)
    for _ in range(2):
        factories.reservation(scope, count=1, starts_at=begin, ends_at=begin + timedelta(days=3))
    wish = demand(count=2)
    answer = search(scope, wish)
    assert (answer.available, answer.free) == (False, 1)
    kinds = by_kind(answer)
    cleanup = factories.server_type().cleanup_time
    lead = factories.server_type().lead_time
    assert kinds[OfferKind.SHORTER].period == Period(wish.period.start, begin - lead - cleanup)
    assert kinds[OfferKind.LATER].period == answer.next_fit
    assert answer.next_fit.duration == wish.period.duration
    assert answer.next_fit.start >= begin + timedelta(days=3) + cleanup
    assert set(kinds) == {OfferKind.LATER, OfferKind.SHORTER, OfferKind.EARLIER, OfferKind.FEWER}
    # It ends in time for what is in the way.
    assert kinds[OfferKind.EARLIER].period.end == kinds[OfferKind.SHORTER].period.end
    assert kinds[OfferKind.EARLIER].period.duration == wish.period.duration
    assert take(kinds[OfferKind.EARLIER], scope).count == 2


def test_spread_is_offered_where_no_fabric_is_large_enough():
    scope = factories.buyer()
    factories.servers(2)
    factories.servers(2, in_fabric=factories.fabric("B"))
    answer = search(scope, demand(count=4))
    spread = by_kind(answer)[OfferKind.SPREAD]
    assert (spread.fabric, spread.count, spread.placement) == (None, 4, Placement.ANY)
    assert answer.next_fit is None


def test_nothing_is_offered_from_an_empty_yard_and_nothing_is_kept():
    scope = factories.buyer()
    answer = search(scope, demand())
    assert (answer.available, answer.free, answer.offers, answer.next_fit) == (False, 0, (), None)


def test_offers_are_limited():
    scope = factories.buyer()
    factories.servers(1)
    for number in range(8):
        region = factories.region(f"region-{number}")
        factories.price(in_region=region)
        factories.server(in_fabric=factories.fabric("X", region))
    assert len(search(scope, demand()).offers) == MAX_OFFERS


def test_what_is_not_sold_is_refused_and_its_neighbours_left_out():
    scope = factories.buyer()
    unsold = factories.region("unsold-1")
    factories.server(in_fabric=factories.fabric("U", unsold))
    factories.server()
    with pytest.raises(NoPrice):
        search(scope, Demand(factories.server_type(), unsold, 1, demand().period))
    assert OfferKind.OTHER_REGION not in by_kind(search(scope, demand()))


def test_an_offer_that_starts_now_can_be_reserved():
    scope = factories.buyer()
    factories.servers(2)
    answer = search(scope, demand(count=2, start_in=timedelta(0)))
    offer = answer.offers[0]
    request = factories.request(
        scope, count=offer.count, starts_at=offer.period.start, ends_at=offer.period.end, placement=offer.placement
    )
    assert reserve(scope=scope, actor=scope.actor, request=request).state == "provisioning"


def test_what_fits_is_offered_earlier_and_in_another_fabric_too():
    scope = factories.buyer()
    factories.servers(3)
    other = factories.fabric("B")
    factories.servers(2, in_fabric=other)
    wish = demand(count=2)

    offers = by_kind(search(scope, wish))

    # The smaller fabric is taken first, so that the larger one stays whole.
    assert offers[OfferKind.EXACT].fabric == other
    assert offers[OfferKind.OTHER_FABRIC].fabric == factories.fabric("A")
    assert offers[OfferKind.OTHER_FABRIC].demand == replace(wish, fabric=factories.fabric("A"))
    assert offers[OfferKind.EARLIER].period.start == wish.period.start - timedelta(days=1)


def test_a_start_so_near_that_nobody_could_take_it_is_not_offered_earlier(noon):
    scope = factories.buyer()
    factories.servers(1)

    assert by_kind(search(scope, demand(start_in=timedelta(days=1))))[OfferKind.EARLIER].period == Period(
        clock.now() + timedelta(hours=20), clock.now() + timedelta(hours=20 + 48)
    )
    assert OfferKind.EARLIER not in by_kind(search(scope, demand(start_in=timedelta(hours=4))))


def test_the_fabric_that_was_asked_for_is_kept_unless_another_one_is_the_offer():
    scope = factories.buyer()
    asked = factories.fabric("B")
    factories.servers(4)
    factories.servers(1, in_fabric=asked)

    answer = search(scope, demand(count=2, fabric=asked))

    assert (answer.available, answer.free, answer.next_fit) == (False, 1, None)
    offers = by_kind(answer)
    assert set(offers) == {OfferKind.OTHER_FABRIC, OfferKind.FEWER}
    assert offers[OfferKind.OTHER_FABRIC].fabric == factories.fabric("A")
    assert (offers[OfferKind.FEWER].fabric, offers[OfferKind.FEWER].demand.fabric) == (asked, asked)
    for offer in answer.offers:
        held = take(offer, scope).allocations.values_list("server__fabric", flat=True)
        assert set(held) == {offer.fabric.pk}


def test_spares_are_not_offered():
    scope = factories.buyer()
    factories.servers(2)
    factories.servers(1, is_spare=True)

    assert search(scope, demand(count=3)).free == 2


def asked_of(scope, wish):
    with CaptureQueriesContext(connection) as queries:
        search(scope, wish)
    return len(queries)


@pytest.mark.parametrize(("count", "most"), [(1, 12), (3, 20)])
def test_the_database_is_asked_as_often_about_a_large_fleet_as_about_a_small_one(count, most):
    scope = factories.buyer()
    factories.servers(2)
    for code in ("us-1", "us-2"):
        factories.price(in_region=factories.region(code))
    few = asked_of(scope, demand(count=count))
    for name in ("B", "C", "D"):
        factories.servers(2, in_fabric=factories.fabric(name))
        factories.servers(1, in_fabric=factories.fabric(name, factories.region("us-1")))
    for _ in range(5):
        factories.reservation(scope, starts_at=clock.now() + timedelta(days=20))

    assert asked_of(scope, demand(count=count)) <= few + 1
    assert few <= most


def test_every_search_is_noted():
    scope = factories.buyer()
    factories.servers(2)
    unsold = factories.region("unsold-1")
    search(scope, demand(count=2))
    search(scope, demand(count=3))
    with pytest.raises(NoPrice):
        search(scope, replace(demand(), region=unsold))

    rows = Enquiry.objects.order_by("pk").values_list("kind", "outcome", "reason", "count", "free", "price", "region")
    assert list(rows) == [
        ("search", "fits", "", 2, 2, 1920, "eu-north-1"),
        ("search", "no_fit", "", 3, 2, 2880, "eu-north-1"),
        ("search", "refused", "not_sold", 1, None, None, "unsold-1"),
    ]
