"""Offers to those who wait: firm, in fair order, and never more than there is."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction

from portal.core import clock
from portal.core.actors import SYSTEM
from portal.core.locks import wait_for_turn
from portal.core.periods import Period
from portal.reservations.models import Allocation, Quote
from portal.reservations.selectors import places_in_queue
from portal.reservations.services.holds import expire_quote
from portal.reservations.services.quotes import accept, hold_time, withdraw
from portal.reservations.services.waitlist import offer_time, offer_waiting, settle_offers
from portal.reservations.states import QuoteState
from tests import factories
from tests.racing import Runner, await_blocked, race
from tests.reservations.wishes import DAY, HOUR, SECOND, enter, fill, fresh, offer_of, state_of, told

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]


def test_what_is_free_is_held_as_a_firm_offer(mailoutbox, django_capture_on_commit_callbacks, settings):
    factories.server()
    scope = factories.buyer()
    entry = enter(scope)

    with django_capture_on_commit_callbacks(execute=True):
        assert offer_waiting() == 1

    offer = offer_of(entry)
    assert (state_of(entry), entry.state_deadline_at) == ("offered", offer.expires_at)
    assert offer.span == Period(entry.earliest, entry.earliest + DAY)
    assert offer.expires_at == clock.now() + offer_time()
    assert (offer.is_hold, offer.reservation.state, offer.total.amount) == (True, "held", Decimal("480.00"))
    assert offer.reservation.allocations.get().state == "booked"
    assert told(entry) == ["waitlist.offered"]
    (mail,) = mailoutbox
    assert mail.to == [scope.organization.memberships.get().user.email]
    assert mail.subject == "1 x 8 x H100 in eu-north-1 are held for you until 2031-03-04T16:00:00Z"
    assert f"{settings.METALYARD_PUBLIC_URL}/waiting-list" in mail.body
    assert places_in_queue([entry]) == {}


def test_an_offer_begins_as_early_as_the_wish_allows():
    factories.server()
    _, taken = fill(clock.now() + 3 * DAY)
    entry = enter()

    assert offer_waiting() == 1

    free_from = taken.span.end + taken.server_type.cleanup_time
    assert offer_of(entry).span.start == free_from + taken.server_type.lead_time


def test_nothing_is_offered_after_the_latest_start(noon):
    factories.server()
    _, taken = fill(clock.now() + 3 * DAY)
    first = taken.span.end + taken.server_type.cleanup_time + taken.server_type.lead_time
    late, exact = enter(latest=first - SECOND), enter(latest=first)

    assert offer_waiting() == 1

    assert [state_of(late), state_of(exact)] == ["waiting", "offered"]
    assert offer_of(exact).span.start == first


def test_an_offer_leaves_time_to_decide_before_its_preparation():
    factories.server()
    entry = enter(earliest=clock.now(), latest=clock.now() + 2 * DAY)

    assert offer_waiting() == 1

    offer, lead = offer_of(entry), entry.server_type.lead_time
    assert offer.span.start == clock.now() + hold_time() + lead + timedelta(minutes=1)
    assert offer.expires_at == offer.span.start - lead


def test_a_window_that_ends_soon_is_offered_as_it_is():
    factories.server()
    entry = enter(earliest=clock.now(), latest=clock.now() + SECOND)

    assert offer_waiting() == 1

    offer = offer_of(entry)
    assert offer.span.start == entry.latest
    assert offer.expires_at == clock.now() + hold_time()


def test_first_come_first_served():
    factories.server()
    latest = clock.now() + DAY
    entries = [enter(latest=latest) for _ in range(3)]

    assert offer_waiting() == 1

    assert [state_of(entry) for entry in entries] == ["offered", "waiting", "waiting"]
    assert offer_waiting() == 0
    assert places_in_queue(entries) == {entries[1].pk: 1, entries[2].pk: 2}


def test_who_fits_is_served_although_somebody_before_does_not_fit():
    factories.servers(2)
    latest = clock.now() + DAY
    large, small = enter(count=3, latest=latest), enter(count=2, latest=latest)

    assert offer_waiting() == 1

    assert [state_of(large), state_of(small)] == ["waiting", "offered"]
    assert fresh(large).obstacle == ""


def test_nothing_is_offered_above_the_ceiling_and_the_entry_says_why():
    factories.server()
    dear, fair = enter(ceiling=Decimal("479.99")), enter(ceiling=Decimal("480.00"))

    assert offer_waiting() == 1

    assert [state_of(dear), state_of(fair)] == ["waiting", "offered"]
    assert dear.obstacle == "It costs USD 480.00, which is above your ceiling of USD 479.99."


def test_an_entry_over_its_quota_waits_on_and_says_why():
    factories.server()
    over = enter(factories.buyer(0))
    behind = enter()

    assert offer_waiting() == 1

    assert [state_of(over), state_of(behind)] == ["waiting", "offered"]
    assert over.obstacle.startswith(f"{over.organization.name} may hold 0 x 8 x H100 in eu-north-1 at once")
    assert places_in_queue([over]) == {over.pk: 1}


def test_an_obstacle_is_forgotten_once_it_is_gone():
    factories.server()
    scope = factories.buyer(0)
    entry = enter(scope)
    offer_waiting()
    scope.organization.quotas.update(limit=1)

    assert offer_waiting() == 1
    assert fresh(entry).obstacle == ""


def test_an_offer_that_is_accepted_is_a_reservation_at_its_price():
    factories.server()
    scope = factories.buyer()
    entry = enter(scope)
    offer_waiting()
    offer = offer_of(entry)

    reservation = accept(scope=scope, actor=scope.actor, quote=offer, particulars=factories.particulars(scope))

    assert (reservation.state, reservation.price) == ("scheduled", offer.price)
    assert state_of(entry) == "accepted"
    assert settle_offers() == 0


def test_an_offer_that_runs_out_sends_its_entry_to_the_end_of_the_queue(noon):
    factories.server()
    latest = clock.now() + DAY + HOUR
    first = enter(latest=latest)
    noon.shift(SECOND)
    second = enter(latest=latest)
    offer_waiting()
    offer = offer_of(first)
    noon.move_to(offer.expires_at)

    assert expire_quote(actor=SYSTEM, quote=offer) is True

    assert (state_of(first), first.missed_offers, first.queued_at) == ("waiting", 1, clock.now())
    assert places_in_queue([first, second]) == {second.pk: 1, first.pk: 2}
    assert told(first) == ["waitlist.offered", "waitlist.missed"]
    assert offer_waiting() == 1
    assert [state_of(first), state_of(second)] == ["waiting", "offered"]


def test_an_offer_that_is_withdrawn_counts_as_missed():
    factories.server()
    scope = factories.buyer()
    entry = enter(scope)
    offer_waiting()

    withdraw(scope=scope, actor=scope.actor, quote=offer_of(entry))

    assert (state_of(entry), entry.missed_offers) == ("waiting", 1)


def test_who_misses_two_offers_leaves_the_queue(noon):
    factories.server()
    scope = factories.buyer()
    entry = enter(scope)
    for _ in range(2):
        assert offer_waiting() == 1
        withdraw(scope=scope, actor=scope.actor, quote=offer_of(entry))

    assert (state_of(entry), entry.missed_offers) == ("lapsed", 2)
    assert entry.state_reason == "2 offers were not taken"
    assert told(entry)[-1] == "waitlist.lapsed"
    assert offer_waiting() == 0


def test_who_misses_an_offer_after_the_latest_start_leaves_the_queue(noon):
    factories.server()
    entry = enter(earliest=clock.now(), latest=clock.now() + SECOND)
    offer_waiting()
    offer = offer_of(entry)
    noon.move_to(offer.expires_at)

    expire_quote(actor=SYSTEM, quote=offer)

    assert (state_of(entry), entry.state_reason) == ("lapsed", "its latest start has passed")


def test_an_entry_lapses_when_its_latest_start_has_passed(noon):
    entry = enter(latest=clock.now() + DAY)
    noon.move_to(entry.latest)
    assert settle_offers() == 0

    noon.shift(SECOND)
    assert offer_waiting() == 0
    assert settle_offers() == 1
    assert (state_of(entry), told(entry)) == ("lapsed", ["waitlist.lapsed"])


def test_a_sweep_settles_what_was_decided_behind_its_back():
    factories.server()
    entry = enter()
    offer_waiting()
    assert settle_offers() == 0
    Quote.objects.update(state=QuoteState.EXPIRED)

    assert settle_offers() == 1
    assert state_of(entry) == "waiting"


@pytest.mark.django_db(transaction=True)
def test_workers_at_once_offer_everything_once_and_in_order():
    factories.servers(3)
    latest = clock.now() + DAY
    entries = [enter(factories.buyer(), latest=latest) for _ in range(6)]

    outcomes = race(6, lambda _: offer_waiting())

    assert sum(outcomes) == 3
    assert [state_of(entry) for entry in entries] == ["offered"] * 3 + ["waiting"] * 3
    assert Allocation.objects.count() == 3
    assert Quote.objects.filter(state=QuoteState.OPEN).count() == 3


@pytest.mark.django_db(transaction=True)
def test_a_worker_looks_at_a_queue_when_the_one_before_is_done_and_at_other_queues_at_once():
    other = factories.server_type("l40s")
    factories.price(of_type=other)
    entry = enter()
    queue = (entry.server_type_id, entry.region_id)
    with transaction.atomic():
        wait_for_turn(f"waiting list {queue[0]} {queue[1]}")
        waiting = Runner(offer_waiting, *queue)
        await_blocked(1)
        assert Runner(offer_waiting, other.pk, queue[1]).result() == 0
        # What the first worker does is seen by the second one.
        factories.server()

    assert waiting.result() == 1
