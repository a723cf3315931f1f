"""The page of the capacity board, and the reservations behind its cells."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse

from portal.core import clock
from portal.fleet.models import Server
from portal.reservations.board import week_of
from portal.reservations.models import Reservation
from portal.reservations.request import MAX_AHEAD
from portal.tenancy.models import User
from portal.tenancy.staff import StaffRole
from tests import factories, staff

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def sales(noon):
    return staff.browser(StaffRole.SALES)


def board(client, **parameters):
    return client.get(reverse("admin:reservations_board"), parameters)


def names_of(client, address):
    return {row.name for row in client.get(address).context["cl"].result_list}


def test_a_cell_has_its_numbers_in_words_and_leads_to_the_reservations_behind_it(sales):
    a, b = factories.fabric("A"), factories.fabric("B")
    factories.servers(3, in_fabric=a)
    factories.servers(2, in_fabric=b)
    buyer, monday = factories.buyer(), week_of(clock.now()) + timedelta(days=7)
    for name, fabric, first, last in (("early", a, 0, 1), ("late", a, 8, 9), ("long", a, 1, 15), ("far", b, 0, 1)):
        start, end = (monday + days * DAY + timedelta(hours=1) for days in (first, last))
        factories.reservation(buyer, name=name, fabric=fabric, starts_at=start, ends_at=end)

    reply = board(sales)
    (row, servers, cells), (other, _, other_cells) = reply.context["rows"]

    assert (row.fabric, other.fabric) == (a, b)
    assert [shown.free for shown in cells[:5]] == [3, 1, 1, 2, 3]
    assert "Sold 1" in reply.content.decode()
    assert len(cells) == len(reply.context["weeks"]) == 13
    assert [names_of(sales, shown.address) for shown in cells[:5]] == [
        set(),
        {"early", "long"},
        {"late", "long"},
        {"long"},
        set(),
    ]
    assert names_of(sales, other_cells[1].address) == {"far"}
    assert set(sales.get(servers).context["cl"].result_list) == set(Server.objects.filter(fabric=a))


def test_the_numbers_of_a_cell_add_up_in_its_bar(sales):
    factories.servers(4)
    factories.server(is_spare=True)
    factories.server(state="maintenance")
    factories.hold(count=3)

    reply = board(sales)
    ((row, _, cells),) = reply.context["rows"]

    assert [(piece.words, piece.servers, piece.start) for piece in cells[0].pieces] == [
        ("Held", 3, 0),
        ("Spare", 1, 3),
        ("Broken", 1, 4),
        ("Free", 1, 5),
    ]
    assert row.servers == 6
    assert 'viewBox="0 0 6 1"' in reply.content.decode()
    assert "style=" not in re.search(r"<table.*</table>", reply.content.decode(), re.DOTALL).group()


def test_the_board_turns_forward_and_back_within_what_can_be_reserved(sales):
    factories.server()
    now = clock.now()

    first = board(sales)
    second = sales.get(f"{reverse('admin:reservations_board')}?{first.context['later']}")

    assert (first.context["first"], first.context["earlier"]) == (week_of(now), "")
    assert second.context["first"] == week_of(now) + timedelta(weeks=13)
    assert second.context["earlier"] == f"from={week_of(now):%Y-%m-%d}"
    last = board(sales, **{"from": "2999-01-01"})
    assert (last.context["first"], last.context["later"]) == (week_of(now + MAX_AHEAD), "")


@pytest.mark.parametrize("first", ["", "nonsense", "2001-01-01", "9999-12-31T", "0001-01-01"])
def test_other_weeks_than_there_are_lead_to_the_present_one(sales, first):
    assert board(sales, **{"from": first}).context["first"] == week_of(clock.now())


def test_it_is_filtered_by_type_and_region_and_keeps_the_choice(sales):
    factories.server()
    factories.server(of_type=factories.server_type("b200x8"))
    factories.server(in_fabric=factories.fabric("X", factories.region("us-west-1")))

    def shown(**parameters):
        rows = board(sales, **parameters).context["rows"]
        return [(row.server_type.slug, row.region.code) for row, _, _ in rows]

    assert shown() == [("b200x8", "eu-north-1"), ("h100x8", "eu-north-1"), ("h100x8", "us-west-1")]
    assert shown(type="b200x8") == [("b200x8", "eu-north-1")]
    assert shown(type="h100x8", region="us-west-1") == [("h100x8", "us-west-1")]
    assert shown(type="b200x8", region="us-west-1") == []
    assert shown(type="unknown") == shown()
    assert board(sales, type="b200x8").context["later"].startswith("type=b200x8&from=")


def test_the_page_costs_as_much_for_many_pools_as_for_one(sales, django_assert_max_num_queries):
    for name in "ABCDEF":
        factories.servers(2, in_fabric=factories.fabric(name))
    factories.reservation(count=2)

    with django_assert_max_num_queries(12):
        assert len(board(sales).context["rows"]) == 6


@pytest.mark.parametrize("role", staff.ROLES)
def test_staff_sees_it_in_the_sidebar_and_it_alone_is_marked(role):
    client = staff.browser(role)

    reply = board(client)

    assert reply.status_code == 200
    items = [item for group in reply.context["sidebar_navigation"] for item in group["items"]]
    assert [item["title"] for item in items if item["active"]] == ["Capacity board"]


def test_others_do_not_see_it():
    client = staff.browser()
    User.objects.filter(pk=client.person.pk).update(is_superuser=False)

    assert board(client).status_code == 403


def test_a_reservation_that_kept_nothing_is_not_behind_a_cell(sales):
    held = factories.hold()
    sales.post(staff.act_of(held, "withdraw"), staff.REASON)

    assert names_of(sales, f"{staff.list_of(Reservation)}?week={week_of(clock.now()):%Y-%m-%d}") == set()
