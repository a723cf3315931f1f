"""Wishes for the waiting list, and what became of them."""

from datetime import timedelta

from portal.core import clock
from portal.operations.selectors import events_of
from portal.reservations.request import WaitlistRequest
from portal.reservations.services.waitlist import join
from portal.reservations.states import QuoteState
from tests import factories

HOUR, DAY, SECOND = timedelta(hours=1), timedelta(days=1), timedelta(seconds=1)


def wish(**kwargs):
    start = clock.now() + DAY
    fields = {
        "server_type": factories.server_type(),
        "region": factories.region(),
        "count": 1,
        "duration": DAY,
        "earliest": start,
        "latest": start + 7 * DAY,
        **kwargs,
    }
    return WaitlistRequest(**fields)


def enter(scope=None, **kwargs):
    who = scope or factories.buyer()
    return join(scope=who, actor=who.actor, request=wish(**kwargs))


def fresh(entry):
    entry.refresh_from_db()
    return entry


def state_of(entry):
    return fresh(entry).state


def offer_of(entry):
    return entry.offers.get(state=QuoteState.OPEN)


def fill(until, count=1):
    """Book servers from now on, so that they are free only from ``until``; return who did, and what."""
    scope = factories.buyer()
    made = factories.reservation(scope, count=count, starts_at=clock.now() + HOUR, ends_at=until)
    return scope, made


def told(entry):
    return [event.type for event in events_of(entry.public_id)]
