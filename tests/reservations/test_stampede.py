"""Very many at once for the last servers, through the services and through the real API.

Exactly what exists is sold, who is refused could not have been served, and nobody reads anything but that refusal.
"""

import json
import os
import random
from collections import Counter
from datetime import timedelta

import pytest

from portal.core import clock
from portal.core.errors import InsufficientCapacity
from portal.reservations import calendar
from portal.reservations.models import Allocation, Placement, Reservation
from portal.reservations.services.reserve import reserve
from portal.reservations.states import HOLDING
from tests import factories
from tests.racing import kinds
from tests.reservations.calendars import overlaps, unnoticed
from tests.reservations.services.test_races import without_placing, without_the_constraint
from tests.serving import crowd, send, serving

# Not at once with other crowds: each takes many of the connections that the database has.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("fifty at once")]

DAY = timedelta(days=1)
AT_ONCE = 32
SEEDS = int(os.environ.get("METALYARD_STAMPEDE_SEEDS", "3"))
"""How often the large crowds come in the long tests; 20 is the full number, and the README says how long it takes."""
YARDS = {"in one fabric": [3], "in two fabrics": [2, 1], "in three fabrics": [1, 1, 1]}


class Market:
    """Buyers, and the last servers by fabric. Each sale is for a time of its own, so that one after another can be."""

    def __init__(self, buyers, sizes, tenants=8):
        self.sizes, self.begun = {}, clock.now().replace(microsecond=0)
        for number, size in enumerate(sizes):
            fabric = factories.fabric(f"F{number}")
            factories.servers(size, in_fabric=fabric, with_bmc=False)
            self.sizes[fabric.pk] = size
        self.image = factories.image(slug="ubuntu-24-04")
        # A crowd shares some tenants, as customers do; none of them is near its limit.
        homes = [factories.buyer(limit=10_000) for _ in range(tenants)]
        self.buyers = [homes[number % len(homes)] for number in range(buyers)]

    def period(self, seed):
        start = self.begun + (seed + 1) * 5 * DAY
        return start, start + DAY

    def wishes(self, seed, singles_only=False):
        """Return what each buyer wants: single servers and blocks, within one fabric or wherever they are."""
        chance = random.Random(seed)  # noqa: S311 - not for secrets
        sizes = [1] if singles_only else [1, 1, 1, 2, 3]
        return [(chance.choice(sizes), chance.choice(Placement.values)) for _ in self.buyers]

    def assert_sold_out(self, seed, wishes, outcomes):
        """Check that all is sold that exists, once, and that who was refused could not have been served."""
        start, _ = self.period(seed)
        rows = Allocation.objects.filter(state__in=HOLDING, reservation__period__startswith=start)
        sold = Counter(rows.values_list("server__fabric", flat=True))
        left = {fabric: size - sold[fabric] for fabric, size in self.sizes.items()}
        refused = [wish for wish, made in zip(wishes, outcomes, strict=True) if not made]
        bought = [wish for wish, made in zip(wishes, outcomes, strict=True) if made]
        assert sum(count for count, _ in bought) == sum(sold.values())
        for count, placement in refused:
            free = max(left.values()) if placement == Placement.SAME_FABRIC else sum(left.values())
            assert free < count, (left, count, placement)
        assert set(left.values()) == {0}, "there were single buyers enough for all"
        assert (overlaps(), calendar.faults()) == (0, [])


def stampede(market, seed, wishes, at_once=AT_ONCE):
    """Let everybody reserve at once; return what became of it in order."""
    start, end = market.period(seed)
    requests = [
        factories.request(who, image=market.image, starts_at=start, ends_at=end, count=count, placement=placement)
        for who, (count, placement) in zip(market.buyers, wishes, strict=True)
    ]

    def act(number):
        who = market.buyers[number]
        return reserve(scope=who, actor=who.actor, request=requests[number])

    return crowd(len(requests), act, at_once)


def run_through_services(buyers, sizes, seeds):
    market = Market(buyers, sizes)
    for seed in seeds:
        wishes = market.wishes(seed)
        outcomes = stampede(market, seed, wishes)
        assert set(kinds(outcomes)) <= {Reservation, InsufficientCapacity}, kinds(outcomes)
        market.assert_sold_out(seed, wishes, [isinstance(outcome, Reservation) for outcome in outcomes])


def run_through_the_api(buyers, sizes, seeds):
    market = Market(buyers, sizes)
    tokens = {who: factories.token(who.project)[1] for who in market.buyers}
    keys = {who: [key.public_id for key in who.project.ssh_keys.all()] for who in market.buyers}
    with serving() as url:
        for seed in seeds:
            start, end = map(clock.as_rfc3339, market.period(seed))
            wishes = market.wishes(seed)

            def act(number, seed=seed, wishes=wishes, start=start, end=end):
                who, (count, placement) = market.buyers[number], wishes[number]
                body = {
                    "name": f"train-{seed}-{number}",
                    "server_type": "h100x8",
                    "region": "eu-north-1",
                    "count": count,
                    "placement": placement,
                    "starts_at": start,
                    "ends_at": end,
                    "image": "ubuntu-24-04",
                    "ssh_keys": keys[who],
                }
                return send(url, tokens[who], "/reservations", body, f"{seed}-{number}")

            outcomes = crowd(buyers, act, AT_ONCE)

            failures = [outcome for outcome in outcomes if not isinstance(outcome, tuple)]
            assert failures == []
            refused = [json.loads(body) for status, _, body in outcomes if status != 201]
            assert {(reply["status"], reply["code"]) for reply in refused} == {(409, "insufficient_capacity")}
            market.assert_sold_out(seed, wishes, [status == 201 for status, _, _ in outcomes])


@pytest.mark.parametrize("yard", YARDS)
def test_forty_buyers_for_the_last_servers(yard):
    run_through_services(40, YARDS[yard], [0])


def test_forty_buyers_through_the_api():
    run_through_the_api(40, YARDS["in two fabrics"], [1])


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("yard", YARDS)
def test_two_hundred_buyers_for_the_last_servers(yard):
    run_through_services(200, YARDS[yard], range(SEEDS))


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("yard", YARDS)
def test_two_hundred_buyers_through_the_api(yard):
    run_through_the_api(200, YARDS[yard], range(SEEDS))


def test_control_without_placing_constraint_and_calendar_many_get_the_same_server(monkeypatch):
    market = Market(AT_ONCE, [3], tenants=AT_ONCE)

    with without_the_constraint(), unnoticed(), without_placing(monkeypatch, racers=AT_ONCE):
        outcomes = stampede(market, 0, market.wishes(0, singles_only=True))

        assert kinds(outcomes) == {Reservation: AT_ONCE}
        assert overlaps() == AT_ONCE * (AT_ONCE - 1) // 2
