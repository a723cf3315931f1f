"""The table of spares."""

import pytest

from portal.fleet.spares import MOST_IN_FORMULA, SMALLEST_POOL, recommended_spares


@pytest.mark.parametrize("servers, spares", [(20, 4), (50, 7), (100, 11), (200, 19), (16, 4), (32, 5), (10, 3)])
def test_the_table(servers, spares):
    assert recommended_spares(servers) == spares


@pytest.mark.parametrize("servers", [0, 1, SMALLEST_POOL - 1])
def test_a_small_pool_is_sold_whole(servers):
    assert recommended_spares(servers) == 0


def test_more_servers_never_need_fewer_spares_and_a_smaller_share():
    numbers = [recommended_spares(servers) for servers in range(1, 2_000)]

    assert numbers == sorted(numbers)
    assert recommended_spares(2_000) / 2_000 < recommended_spares(200) / 200


def test_a_pool_beyond_the_formula_takes_its_share():
    most = recommended_spares(MOST_IN_FORMULA)

    assert most == 585
    assert recommended_spares(2 * MOST_IN_FORMULA) == 2 * most
    assert recommended_spares(MOST_IN_FORMULA + 1) == most + 1
