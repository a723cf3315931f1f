"""Joining the waiting list and leaving it."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction

from portal.audit.models import AuditEvent
from portal.core import clock
from portal.core.actors import SYSTEM
from portal.core.errors import (
    Forbidden,
    InvalidInput,
    NoPrice,
    NotFound,
    StateConflict,
    WaitlistLimitReached,
)
from portal.reservations.models import Allocation, Enquiry, Quote, WaitlistEntry
from portal.reservations.request import MAX_AHEAD, MAX_LENGTH
from portal.reservations.selectors import places_in_queue, waitlist_entry_of, waitlist_of
from portal.reservations.services.holds import expire_quote
from portal.reservations.services.lifecycle import cancel
from portal.reservations.services.quotes import accept
from portal.reservations.services.waitlist import join, leave, offer_waiting
from portal.reservations.states import QuoteState, WaitlistState
from portal.tenancy.roles import Role
from tests import factories
from tests.racing import Runner, await_blocked, race
from tests.reservations.wishes import DAY, HOUR, SECOND, enter, fresh, offer_of, state_of, wish

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]


def unchanged():
    return [list(model.objects.order_by("pk").values()) for model in (WaitlistEntry, Quote, Allocation, AuditEvent)]


def test_who_joins_stands_at_the_end_of_the_queue():
    scope = factories.buyer()
    first, second = enter(), enter(scope, ceiling=Decimal("500.50"))

    assert (first.state, second.state) == ("waiting", "waiting")
    assert places_in_queue([first, second]) == {first.pk: 1, second.pk: 2}
    assert (second.earliest, second.latest) == (clock.now() + DAY, clock.now() + 8 * DAY)
    assert (second.ceiling, second.currency) == (Decimal("500.50"), "USD")
    assert AuditEvent.objects.get(target=second.public_id).verb == "waitlist_entry.joined"
    row = Enquiry.objects.get(subject=second.public_id)
    assert (row.kind, row.outcome, row.starts_at) == ("waitlist", "made", second.earliest)


def test_queues_of_other_servers_and_entries_that_do_not_wait_count_for_no_place():
    other = factories.server_type("l40s")
    factories.price(of_type=other)
    ahead, elsewhere, entry = enter(), enter(server_type=other), enter()
    WaitlistEntry.objects.filter(pk=ahead.pk).update(state="lapsed")

    assert places_in_queue([ahead, elsewhere, entry]) == {elsewhere.pk: 1, entry.pk: 1}


def test_a_project_sees_its_own_entries():
    scope, other = factories.buyer(), factories.buyer()
    first, second = enter(scope), enter(scope)
    foreign = enter(other)

    assert list(waitlist_of(scope)) == [second, first]
    assert waitlist_entry_of(scope, first.public_id) == first
    with pytest.raises(NotFound):
        waitlist_entry_of(scope, foreign.public_id)


@pytest.mark.parametrize(
    "wrong, field, code",
    [
        ({"count": 0}, "count", "out_of_range"),
        ({"count": 513}, "count", "out_of_range"),
        ({"placement": "near"}, "placement", "unknown"),
        ({"duration": HOUR - SECOND}, "duration", "too_short"),
        ({"duration": MAX_LENGTH + SECOND}, "duration", "too_long"),
        ({"earliest": -2 * DAY, "latest": timedelta(0)}, "latest", "in_the_past"),
        ({"earliest": 2 * DAY, "latest": 2 * DAY - SECOND}, "latest", "before_earliest"),
        ({"latest": MAX_AHEAD + SECOND}, "latest", "too_far"),
        ({"ceiling": Decimal(0)}, "ceiling", "out_of_range"),
        ({"ceiling": Decimal("1.005")}, "ceiling", "out_of_range"),
        ({"ceiling": Decimal("NaN")}, "ceiling", "out_of_range"),
        ({"ceiling": Decimal("1e30")}, "ceiling", "out_of_range"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(wrong, field, code):
    scope = factories.buyer()
    moments = {name: clock.now() + wrong[name] for name in ("earliest", "latest") if name in wrong}
    before = unchanged()

    with pytest.raises(InvalidInput) as refused:
        enter(scope, **{**wrong, **moments})

    assert [(error.field, error.code) for error in refused.value.errors] == [(field, code)]
    assert unchanged() == before


def test_the_bounds_themselves_are_allowed():
    now = clock.now()

    entry = enter(duration=HOUR, earliest=now + MAX_AHEAD, latest=now + MAX_AHEAD)
    early = enter(earliest=now - DAY, latest=now + SECOND)

    assert (entry.earliest, entry.latest) == (now + MAX_AHEAD, now + MAX_AHEAD)
    assert (early.earliest, early.latest) == (now, now + SECOND)


def test_every_wrong_field_is_named_at_once():
    with pytest.raises(InvalidInput) as refused:
        enter(count=0, duration=timedelta(0), ceiling=Decimal(-1))

    assert [error.field for error in refused.value.errors] == ["count", "duration", "ceiling"]


def test_a_viewer_may_not_join():
    scope = factories.scope(Role.VIEWER)
    with pytest.raises(Forbidden):
        enter(scope)
    assert not WaitlistEntry.objects.exists()


def test_what_is_not_sold_is_not_waited_for():
    scope = factories.scope()
    with pytest.raises(NoPrice):
        enter(scope)

    assert not WaitlistEntry.objects.exists()
    assert Enquiry.objects.values_list("kind", "outcome", "reason").get() == ("waitlist", "refused", "not_sold")


def test_a_project_waits_for_so_many_things_at_most(settings):
    settings.METALYARD_WAITLIST_ENTRIES = 2
    scope = factories.buyer()
    first, _ = enter(scope), enter(scope)
    before = unchanged()

    with pytest.raises(WaitlistLimitReached) as refused:
        enter(scope)
    assert refused.value.extra == {"limit": 2}
    assert unchanged() == before

    leave(scope=scope, actor=scope.actor, entry=first)
    assert enter(scope).state == "waiting"


@pytest.mark.django_db(transaction=True)
def test_the_limit_holds_under_parallel_wishes(settings):
    settings.METALYARD_WAITLIST_ENTRIES = 3
    scope, request = factories.buyer(), wish()

    race(6, lambda _: join(scope=scope, actor=scope.actor, request=request))

    assert WaitlistEntry.objects.count() == 3


def test_who_leaves_gives_the_offer_up():
    factories.server()
    scope = factories.buyer()
    entry = enter(scope)
    offer_waiting()
    offer = offer_of(entry)

    leave(scope=scope, actor=scope.actor, entry=fresh(entry))

    offer.refresh_from_db()
    assert (state_of(entry), entry.missed_offers) == ("withdrawn", 0)
    assert (offer.state, offer.reservation.state) == ("withdrawn", "cancelled")
    assert offer.reservation.allocations.get().state == "released"


def test_leaving_is_refused_to_others_and_when_it_is_over():
    scope, other = factories.buyer(), factories.buyer()
    viewer = factories.scope(Role.VIEWER, scope.project)
    entry = enter(scope)
    before = unchanged()
    with pytest.raises(NotFound):
        leave(scope=other, actor=other.actor, entry=entry)
    with pytest.raises(Forbidden):
        leave(scope=viewer, actor=viewer.actor, entry=entry)
    assert unchanged() == before

    leave(scope=scope, actor=scope.actor, entry=entry)
    before = unchanged()
    with pytest.raises(StateConflict):
        leave(scope=scope, actor=scope.actor, entry=fresh(entry))
    assert unchanged() == before


@pytest.mark.django_db(transaction=True)
def test_who_leaves_while_the_offer_runs_out_has_left(noon):
    factories.server()
    scope = factories.buyer()
    entry = enter(scope)
    offer_waiting()
    offer, entry = offer_of(entry), fresh(entry)
    noon.move_to(offer.expires_at)
    with transaction.atomic():
        expire_quote(actor=SYSTEM, quote=offer)
        leaving = Runner(lambda: leave(scope=scope, actor=scope.actor, entry=entry))
        await_blocked(1)
    left = leaving.result()

    offer.refresh_from_db()
    assert (left.state, state_of(entry), offer.state) == ("withdrawn", "withdrawn", "expired")


@pytest.mark.django_db(transaction=True)
def test_an_offer_that_comes_while_its_customer_leaves_is_looked_at_first():
    factories.server()
    scope = factories.buyer()
    entry = enter(scope)
    with transaction.atomic():
        offer_waiting()
        leaving = Runner(lambda: leave(scope=scope, actor=scope.actor, entry=entry))
        await_blocked(1)

    assert isinstance(leaving.result(), StateConflict)
    assert (state_of(entry), offer_of(entry).state) == ("offered", "open")


@pytest.mark.django_db(transaction=True)
def test_accepting_and_leaving_at_once_ends_in_one_of_the_two():
    factories.server()
    scope = factories.buyer()
    particulars = factories.particulars(scope)
    for _ in range(5):
        entry = enter(scope)
        assert offer_waiting() == 1
        offer, entry = offer_of(entry), fresh(entry)
        acts = [
            lambda offer=offer: accept(scope=scope, actor=scope.actor, quote=offer, particulars=particulars),
            lambda entry=entry: leave(scope=scope, actor=scope.actor, entry=entry),
        ]

        outcomes = race(2, lambda number, acts=acts: acts[number]())

        refused = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
        assert [type(refusal) for refusal in refused] == [StateConflict]
        offer.refresh_from_db()
        won = offer.state == QuoteState.ACCEPTED
        assert state_of(entry) == (WaitlistState.ACCEPTED if won else WaitlistState.WITHDRAWN)
        if won:
            cancel(scope=scope, actor=scope.actor, reservation=offer.reservation)
