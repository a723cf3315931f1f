"""Tests of one group run one after the other: crowds share the database's connections, product tests one product."""

import pytest


@pytest.mark.xdist_group("these belong together")
def test_the_scheduler_sees_to_which_group_a_test_belongs(request):
    is_scheduled_by_group = request.config.getoption("loadgroup", False)

    assert request.node.nodeid.endswith("@these belong together") == is_scheduled_by_group
