"""Choosing servers in the database, against oracles that try everything."""

from collections import Counter
from datetime import timedelta
from itertools import combinations

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.core.periods import Period
from portal.fleet.models import Rack
from portal.reservations import calendar
from portal.reservations.capacity import Demand, sought, take
from portal.reservations.models import Placement
from tests import factories
from tests.reservations.calendars import at, bare_reservation, choice, occupy, undone
from tests.reservations.oracle import choose

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]

homes = st.lists(st.tuples(st.sampled_from("ABC"), st.integers(1, 3)), max_size=8)
counts = st.integers(1, 9)
placements = st.sampled_from(Placement.values)


def demand(count=1, placement=Placement.ANY):
    kind = factories.server_type(lead_time=timedelta(0), cleanup_time=timedelta(0))
    return Demand(kind, factories.region(), count, Period(at(10), at(14)), placement)


def write(free):
    """Write free servers, each with a fabric and a rack of it; return ``{pk: (fabric pk, rack pk)}``."""
    demand()
    made = {}
    for name, number in free:
        fabric = factories.fabric(name)
        rack = Rack.objects.get_or_create(region=fabric.region, name=f"{name}{number}")[0]
        server = factories.server(in_fabric=fabric, rack=rack, with_bmc=False)
        made[server.pk] = (fabric.pk, rack.pk)
    return made


def spread(pks, made, of=0):
    """Return how many of some servers are in each fabric, or with ``of=1`` in each rack."""
    return Counter(made[pk][of] for pk in pks)


def all_choices(made, count, *, same_fabric):
    """Return every set of ``count`` servers that the promise allows."""
    return [pks for pks in combinations(made, count) if not same_fabric or len(spread(pks, made)) == 1]


@settings(max_examples=60)
@given(homes, counts, placements)
def test_the_choice_is_the_oracles_fabrics_and_the_fewest_racks_in_them(free, count, placement):
    with undone():
        made = write(free)
        wish = demand(count, placement)
        possible = all_choices(made, count, same_fabric=wish.same_fabric)

        chosen = [server.pk for server in choice(wish)]
        taken = take(wish, wish.period)

        assert take(wish, wish.period, is_patient=False) == taken
        if not possible:
            assert (taken, len(chosen) < count) == (None, True)
            return
        assert taken == chosen
        assert tuple(chosen) in possible
        expected = choose(choice(demand(), 1000), count, same_fabric=wish.same_fabric)
        assert sorted(spread(chosen, made).values()) == sorted(spread(expected, made).values())
        assert len(spread(chosen, made)) == min(len(spread(pks, made)) for pks in possible)
        alike = [pks for pks in possible if spread(pks, made) == spread(chosen, made)]
        assert len(spread(chosen, made, of=1)) == min(len(spread(pks, made, of=1)) for pks in alike)


@settings(max_examples=40)
@given(homes, counts, placements)
def test_what_fits_into_one_fabric_and_one_rack_takes_the_fullest_and_leaves_large_blocks_whole(free, count, placement):
    with undone():
        made = write(free)
        chosen = [server.pk for server in choice(demand(count, placement))]

        fitting = [size for size in spread(made, made).values() if size >= count]
        if fitting:
            (fabric,) = spread(chosen, made)
            assert spread(made, made)[fabric] == min(fitting)
            racks = spread([pk for pk in made if made[pk][0] == fabric], made, of=1)
            roomy = [size for size in racks.values() if size >= count]
            if roomy:
                (rack,) = spread(chosen, made, of=1)
                assert racks[rack] == min(roomy)


def test_of_servers_that_are_alike_the_one_whose_free_time_ends_first_is_taken():
    demand()
    late, soon, never = factories.servers(3, with_bmc=False)
    holder = bare_reservation()
    occupy(holder, late, 30, 40)
    occupy(holder, soon, 14, 20)

    order = []
    for _ in range(3):
        (server,) = choice(demand())
        order.append(server.pk)
        occupy(holder, type(late).objects.get(pk=server.pk), 10, 14)

    assert order == [soon.pk, late.pk, never.pk]
    assert choice(demand()) == []


def test_of_gaps_that_end_alike_the_shortest_is_taken():
    demand()
    long, short = factories.servers(2, with_bmc=False)
    holder = bare_reservation()
    occupy(holder, short, 8, 10)
    occupy(holder, long, 7, 9)

    assert [server.pk for server in choice(demand())] == [short.pk]


def test_servers_of_many_racks_fit_though_only_the_first_of_a_pool_are_looked_at():
    """A pool of more servers than the sample: the whole block is still found."""
    demand()
    factories.servers(70, with_bmc=False)

    assert len(take(demand(70), demand().period)) == 70
    assert take(demand(71), demand().period) is None


def test_spares_are_not_taken_unless_they_are_asked_for():
    demand()
    spare = factories.server(is_spare=True)

    assert take(demand(), demand().period) is None
    pools = sought(demand(), with_spares=True)
    assert calendar.place(pools, 1, demand().period, is_due=False, may_spread=True) == [spare.pk]


def test_a_fabric_that_is_asked_for_is_the_only_one_looked_at():
    demand()
    factories.servers(3, with_bmc=False)
    other = factories.server(in_fabric=factories.fabric("B"), with_bmc=False)
    wish = Demand(demand().server_type, demand().region, 1, demand().period, fabric=other.fabric)

    assert take(wish, wish.period) == [other.pk]


@pytest.mark.parametrize("is_patient", [True, False])
@pytest.mark.django_db(transaction=True)
def test_servers_are_placed_inside_of_a_transaction(is_patient):
    wish = demand()
    factories.server()

    with pytest.raises(transaction.TransactionManagementError):
        take(wish, wish.period, is_patient=is_patient)
