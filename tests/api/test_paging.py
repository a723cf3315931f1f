"""Lists in pages."""

import base64

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.api.paging import page_of
from portal.catalog.selectors import images
from portal.core import secrets
from portal.operations.models import OperationEvent
from portal.reservations.models import Reservation
from portal.tenancy.models import Project
from tests import factories
from tests.api.client import Api, assert_problem

LISTS = (
    "/regions",
    "/server-types",
    "/images",
    "/image-imports",
    "/reservations",
    "/servers",
    "/operations",
    "/ssh-keys",
    "/quotas",
    "/quota-requests",
    "/quotes",
    "/waitlist",
)


@pytest.fixture
def filled(buyer):
    """Return a client of a project that has at least three of everything."""
    for number in range(3):
        factories.region(f"zone-{number}")
        factories.server_type(f"type-{number}")
        factories.image()
        factories.own_image(buyer)
        factories.ssh_key(buyer.project)
        factories.quota(buyer.organization, in_region=factories.region(f"zone-{number}"))
        factories.quota_request(buyer, region=factories.region(f"zone-{number}"))
        factories.quote(buyer)
        factories.waitlist_entry(buyer)
        factories.hand_over(factories.reservation(buyer, count=2, starts_at=None))
    return Api.of(buyer.project)


def pages(api, address, limit):
    cursor, found = "", []
    while True:
        page = api.get(address, {"limit": limit, "cursor": cursor}).json()
        found.append(page["data"])
        cursor = page["next_cursor"]
        if cursor is None:
            return found


def lists():
    """Return the address of every list."""
    parts = [f"/reservations/{Reservation.objects.first().public_id}/{part}" for part in ("events", "servers")]
    return [*LISTS, *parts]


def test_the_pages_of_a_list_are_the_list(filled):
    for address in lists():
        whole = filled.get(address).json()

        assert whole["next_cursor"] is None, address
        assert len(whole["data"]) >= 2, address
        for limit in (1, 2, len(whole["data"])):
            found = pages(filled, address, limit)
            assert [row for page in found for row in page] == whole["data"], address
            assert all(len(page) == limit for page in found[:-1]), address
            assert 1 <= len(found[-1]) <= limit, address


def test_events_can_be_read_on_by_their_ids_too(filled):
    subject = Reservation.objects.first().public_id
    ids = list(OperationEvent.objects.filter(subject=subject).order_by("pk").values_list("public_id", flat=True))

    second = filled.get(f"/reservations/{subject}/events", {"after": ids[0], "limit": 1}).json()["data"]

    assert [event["id"] for event in second] == [ids[1]]


def test_new_rows_shift_no_page(filled, buyer):
    first = filled.get("/reservations", {"limit": 2}).json()
    newest = factories.reservation(buyer, name="newest")

    second = filled.get("/reservations", {"limit": 2, "cursor": first["next_cursor"]}).json()

    assert newest.public_id not in str(second)
    assert len({row["id"] for row in first["data"] + second["data"]}) == 3


def test_rows_that_are_alike_in_the_order_are_not_lost(filled):
    for _ in range(3):
        factories.image(name="Twin")

    rows = [row["id"] for page in pages(filled, "/images", 1) for row in page]

    assert rows == [image.public_id for image in images(Project.objects.first())]


def test_a_longer_page_asks_the_database_no_more_often(noon, filled):
    filled.get("/me")  # from now on the use of the token is noted
    for address in lists():
        asked = []
        for limit in (1, 200):
            with CaptureQueriesContext(connection) as queries:
                page = filled.get(address, {"limit": limit}).json()["data"]
            asked.append((len(page) > 1, len(queries)))

        assert [many for many, _ in asked] == [False, True], address
        assert asked[0][1] == asked[1][1] <= 12, address


def test_a_bad_limit_is_a_field_error(api):
    for limit in ("0", "-1", "201", "x", "1.5", "", "9" * 5000):
        reply = api.get("/reservations", {"limit": limit})
        assert set(assert_problem(reply, 422, "invalid_input")) == {"/limit"}, limit


def bad_cursors(api):
    other = api.get("/images", {"limit": 1}).json()["next_cursor"]
    good = api.get("/regions", {"limit": 1}).json()["next_cursor"]
    return [
        "x",
        "AAAA",
        "-1",
        "é",
        "\ud7ff",
        good[:-4] + "AAAA",
        other,
        secrets.encrypt("no JSON"),
        secrets.encrypt("7"),
        secrets.encrypt("{}"),
        secrets.encrypt('["another list", 1]'),
    ]


def test_a_bad_cursor_is_a_field_error(api):
    factories.image()
    factories.region("another")

    for cursor in bad_cursors(api):
        reply = api.get("/regions", {"cursor": cursor})
        assert assert_problem(reply, 422, "invalid_input") == {"/cursor": "bad_cursor"}, cursor


def test_a_cursor_cannot_be_read(filled):
    cursor = filled.get("/reservations", {"limit": 1}).json()["next_cursor"]

    plain = base64.urlsafe_b64decode(cursor)

    assert "reservations.reservation" in secrets.decrypt(cursor)
    assert b"reservation" not in plain


def test_a_page_of_nothing_is_empty(db):
    assert page_of(images(factories.project()), limit=1).rows == []
    assert page_of(images(factories.project()), limit=1).next_cursor is None
