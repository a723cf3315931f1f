"""Questions about the metal."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from portal.core.errors import NotFound
from portal.fleet.selectors import (
    overdue_servers,
    pool,
    region_called,
    regions,
    regions_with_fabrics,
    server_type_called,
    server_types,
)
from portal.fleet.states import ServerState
from tests import factories

pytestmark = pytest.mark.django_db

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
PROMISED = {ServerState.AVAILABLE, ServerState.DEPLOYING, ServerState.IN_USE, ServerState.RELEASING}


def test_regions_and_types_come_by_name():
    south, north = factories.region("south"), factories.region("north")
    small, large = factories.server_type("l40s"), factories.server_type("h100")

    assert list(regions()) == [north, south]
    assert list(server_types()) == [large, small]


def test_regions_come_with_their_fabrics(django_assert_num_queries):
    south, north = factories.region("south"), factories.region("north")
    late, early = (factories.fabric(name, north) for name in "BA")

    with django_assert_num_queries(2):
        found = [(region, list(region.fabrics.all())) for region in regions_with_fabrics()]

    assert found == [(north, [early, late]), (south, [])]


def test_what_is_called_by_name_is_found_or_told_missing():
    north, kind = factories.region("north"), factories.server_type("h100")

    assert (region_called("north"), server_type_called("h100")) == (north, kind)
    for name in ("NORTH", "", "h100 "):
        with pytest.raises(NotFound, match="There is no region"):
            region_called(name)
        with pytest.raises(NotFound, match="There is no server type"):
            server_type_called(name)


@pytest.mark.parametrize("state", list(ServerState))
def test_only_servers_that_will_be_free_again_can_be_promised(state):
    server = factories.server(state=state)

    assert list(pool(server.server_type, server.region)) == ([server] if state in PROMISED else [])


def test_the_pool_is_of_one_type_in_one_region():
    server = factories.server()
    factories.server(of_type=factories.server_type("l40s"))
    factories.server(in_fabric=factories.fabric("S", factories.region("south")))

    assert list(pool(server.server_type, server.region)) == [server]


@time_machine.travel(NOW, tick=False)
def test_overdue_is_what_passed_its_deadline():
    deadlines = [None, NOW - timedelta(seconds=1), NOW + timedelta(seconds=1), NOW - timedelta(days=1)]
    made = [factories.server(state=ServerState.RELEASING, state_deadline_at=deadline) for deadline in deadlines]

    assert list(overdue_servers()) == [made[1], made[3]]
