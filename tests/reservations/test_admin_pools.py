"""Staff and the spares of pools."""

import pytest

from portal.audit.models import AuditEvent
from portal.reservations.models import Pool
from portal.tenancy.staff import StaffRole
from tests import factories, staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def operations():
    return staff.browser(StaffRole.OPERATIONS)


@pytest.fixture
def pool():
    factories.servers(17)
    factories.servers(2, is_spare=True)
    factories.server(state="quarantined", is_spare=True)
    factories.server(state="retired")
    return Pool.objects.get(is_spare=False)


def cells(client, pool):
    """Return the facts of a pool's page by heading."""
    (group,) = client.get(staff.page_of(pool)).context["groups"]
    return dict(group[1])


def listed(client, **parameters):
    return list(client.get(staff.list_of(Pool), parameters).context["cl"].result_list)


def test_a_pool_shows_its_spares_beside_those_recommended(operations, pool):
    shown = cells(operations, pool)

    assert [shown[name] for name in ("Servers", "For sale", "Spares", "Spares wanted", "Recommended", "Set by")] == [
        20,
        17,
        2,
        4,
        4,
        "the table",
    ]


def test_the_number_of_spares_is_set_and_given_back_to_the_table(operations, pool):
    page = operations.get(staff.act_of(pool, "spares")).content.decode()
    assert "It has 20 servers, of which 2 are spares. Recommended: 4." in page

    reply = operations.post(staff.act_of(pool, "spares"), {"count": "1"} | staff.chosen(pool))

    pool.refresh_from_db()
    assert (reply.url, pool.spares_wanted) == (staff.page_of(pool), 1)
    assert (cells(operations, pool)["Spares wanted"], cells(operations, pool)["Set by"]) == (1, "staff")
    event = AuditEvent.objects.get(verb="pool.spares_wanted_set")
    assert (event.data["from"], event.data["to"], event.actor_id) == (None, 1, operations.person.public_id)

    operations.post(staff.act_of(pool, "spares"), {"count": ""} | staff.chosen(pool))

    pool.refresh_from_db()
    assert pool.spares_wanted is None


@pytest.mark.parametrize("count", ["21", "-1", "many"])
def test_a_number_that_cannot_be_is_refused_on_its_field(operations, pool, count):
    reply = operations.post(staff.act_of(pool, "spares"), {"count": count} | staff.chosen(pool))

    pool.refresh_from_db()
    assert (reply.status_code, list(reply.context["form"].errors)) == (422, ["count"])
    assert pool.spares_wanted is None
    assert not AuditEvent.objects.filter(verb="pool.spares_wanted_set").exists()


def test_sales_may_look_but_not_set(pool):
    sales = staff.browser(StaffRole.SALES)

    reply = sales.post(staff.act_of(pool, "spares"), {"count": "0"})

    pool.refresh_from_db()
    assert (reply.status_code, pool.spares_wanted) == (403, None)
    assert sales.get(staff.page_of(pool)).status_code == 200


def test_the_first_page_counts_the_pools_that_are_short(operations, pool):
    factories.servers(3, in_fabric=factories.fabric("B"))

    assert listed(operations, spares="short") == [pool]
    tiles = {tile.title: tile.count for _, group in operations.get("/admin/").context["groups"] for tile in group}
    assert tiles["Pools short of spares"] == 1

    operations.post(staff.act_of(pool, "spares"), {"count": "2"} | staff.chosen(pool))

    assert listed(operations, spares="short") == []
    assert len(listed(operations)) == 2
