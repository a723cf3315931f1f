"""The oracle that chooses servers, against oracles that try everything."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from tests.reservations.oracle import FreeServer, Opening, choose, first_begin, most

BEGIN = datetime(2031, 3, 4, tzinfo=UTC)
free_lists = st.lists(st.integers(1, 4), max_size=9).map(
    lambda fabrics: [FreeServer(pk, fabric) for pk, fabric in enumerate(fabrics, 1)]
)


def fabrics_of(pks, free):
    home = {server.pk: server.fabric_pk for server in free}
    return Counter(home[pk] for pk in pks)


def all_choices(free, count, *, same_fabric):
    """Return every set of ``count`` servers that the promise allows."""
    sets = combinations([server.pk for server in free], count)
    return [pks for pks in sets if not same_fabric or len(fabrics_of(pks, free)) == 1]


@given(free_lists, st.integers(1, 9), st.booleans())
def test_a_choice_is_made_exactly_when_there_is_one(free, count, same_fabric):
    possible = all_choices(free, count, same_fabric=same_fabric)

    chosen = choose(free, count, same_fabric=same_fabric)

    assert (tuple(chosen) in possible) if possible else (chosen is None)


@given(free_lists, st.integers(1, 9))
def test_without_a_promise_the_fewest_fabrics_are_used(free, count):
    chosen = choose(free, count, same_fabric=False)

    if chosen is not None:
        fewest = min(len(fabrics_of(pks, free)) for pks in all_choices(free, count, same_fabric=False))
        assert len(fabrics_of(chosen, free)) == fewest


@given(free_lists, st.integers(1, 9), st.booleans())
def test_what_fits_into_one_fabric_takes_the_fullest_and_leaves_large_blocks_whole(free, count, same_fabric):
    sizes = Counter(server.fabric_pk for server in free)
    fitting = [size for size in sizes.values() if size >= count]

    chosen = choose(free, count, same_fabric=same_fabric)

    if fitting:
        (fabric,) = fabrics_of(chosen, free)
        assert sizes[fabric] == min(fitting)


@given(free_lists, st.integers(1, 9), st.booleans(), st.randoms(use_true_random=False))
def test_the_order_of_the_servers_does_not_matter(free, count, same_fabric, random):
    shuffled = random.sample(free, len(free))

    assert choose(shuffled, count, same_fabric=same_fabric) == choose(free, count, same_fabric=same_fabric)


@given(free_lists, st.booleans())
def test_most_is_the_largest_count_that_can_be_chosen(free, same_fabric):
    largest = most(free, same_fabric=same_fabric)

    counts = [count for count in range(1, 11) if choose(free, count, same_fabric=same_fabric) is not None]
    assert largest == max(counts, default=0)


def minute(number):
    return BEGIN + timedelta(minutes=number)


@st.composite
def opening_lists(draw):
    made = []
    for pk, fabric in enumerate(draw(st.lists(st.integers(1, 3), max_size=8)), 1):
        first, length = draw(st.integers(0, 12)), draw(st.integers(0, 6))
        made.append(Opening(FreeServer(pk, fabric), minute(first), minute(first + length)))
    return made


@given(opening_lists(), st.integers(1, 4), st.booleans(), st.integers(-1, 12))
def test_the_first_begin_is_the_first_instant_at_which_trying_finds_enough(openings, count, same_fabric, after):
    def fits_at(moment):
        free = [opening.server for opening in openings if opening.first <= moment <= opening.last]
        return choose(free, count, same_fabric=same_fabric) is not None

    def grows_at(moment):
        return any(opening.first == moment for opening in openings)

    tried = [minute(number) for number in range(after + 1, 20)]
    expected = next((moment for moment in tried if grows_at(moment) and fits_at(moment)), None)

    assert first_begin(openings, count, same_fabric=same_fabric, after=minute(after)) == expected
