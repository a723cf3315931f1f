"""Quotes over HTTP: what is asked for and what is told."""

import pytest

from portal.catalog.models import PriceBook
from portal.reservations.models import Quote, Reservation
from portal.tenancy.roles import Role
from tests import factories, thawing
from tests.api.client import Api, assert_problem
from tests.api.world import nothing_changes


def address_of(reply):
    return f"/quotes/{reply.json()['id']}"


def test_a_quote_tells_the_price_with_its_lines_and_the_three_checks_apart(noon, api, buyer, wish):
    buyer.organization.quotas.update(gpu_hours_per_month=1000)

    made = api.post("/quotes", wish)

    found = Quote.objects.get()
    assert made.status_code == 201
    assert made.headers["Location"] == f"/api/v1/quotes/{found.public_id}"
    total = {"amount": "960.00", "currency": "USD"}
    assert made.json() == {
        "id": found.public_id,
        "state": "open",
        "state_reason": "",
        "state_changed_at": "2030-01-15T12:00:00Z",
        "hold": False,
        "expires_at": "2030-01-15T12:15:00Z",
        "server_type": "h100x8",
        "region": "eu-north-1",
        "fabric": None,
        "count": 2,
        "gpu_count": 16,
        "starts_at": "2030-01-16T12:00:00Z",
        "ends_at": "2030-01-17T12:00:00Z",
        "placement": "same_fabric",
        "price": total,
        "rate_per_gpu_hour": {"amount": "2.50", "currency": "USD"},
        "price_lines": [{"label": "8 x H100 in eu-north-1", "quantity": "16 GPU x 24 h x 2.50", "amount": total}],
        "cancellation": {
            "free_until": "2030-01-16T12:00:00Z",
            "terms": [],
            "description": "Free cancellation at any time.",
        },
        "checks": {
            "capacity": {"passes": True, "held": False, "available": 8, "next_fit": None},
            "quota": {
                "passes": True,
                "limits": [
                    {
                        "passes": True,
                        "scope": "organization",
                        "measure": "servers",
                        "month": "",
                        "limit": 64,
                        "used": 0,
                        "requested": 2,
                    },
                    {
                        "passes": True,
                        "scope": "organization",
                        "measure": "gpu_hours",
                        "month": "2030-01",
                        "limit": 1000,
                        "used": "0.00",
                        "requested": "384.00",
                    },
                ],
            },
            "approval": {"passes": True, "limit": None, "total": total},
        },
        "reservation": None,
        "waitlist_entry": None,
        "project": buyer.project.public_id,
        "requested_by": "API token ci",
        "created_at": "2030-01-15T12:00:00Z",
    }
    assert api.get(address_of(made)).content == made.content
    assert api.get("/quotes").json() == {"data": [made.json() | {"checks": None}], "next_cursor": None}
    assert not Reservation.objects.exists()


def test_each_check_that_fails_says_so_in_numbers(noon, api, buyer, wish):
    buyer.organization.quotas.update(limit=7)
    type(buyer.organization).objects.update(approval_limit=100)
    factories.reservation(buyer, count=7)

    checks = api.post("/quotes", wish).json()["checks"]

    assert checks["capacity"] == {
        "passes": False,
        "held": False,
        "available": 1,
        "next_fit": {"starts_at": "2030-01-17T12:50:00Z", "ends_at": "2030-01-18T12:50:00Z"},
    }
    assert checks["quota"]["passes"] is False
    assert checks["quota"]["limits"][0]["used"] == 7
    assert checks["approval"] == {
        "passes": False,
        "limit": {"amount": "100.00", "currency": "USD"},
        "total": {"amount": "960.00", "currency": "USD"},
    }


def test_terms_of_the_book_are_told(noon, api, wish):
    thawing.cancellation(PriceBook.objects.get(), (168, 0), (24, 25))

    assert api.post("/quotes", wish).json()["cancellation"] == {
        "free_until": "2030-01-09T12:00:00Z",
        "terms": [{"notice_hours": 168, "percent": "0"}, {"notice_hours": 24, "percent": "25"}],
        "description": "Cancellation costs 25 % until 15 Jan 12:00 UTC, then 100 %.",
    }


def test_withdrawing_another_version_is_refused(api, wish):
    quote = api.post("/quotes", wish)

    with nothing_changes():
        reply = api.post(f"{address_of(quote)}/withdraw", **{"If-Match": '"other"'})
    assert_problem(reply, 412, "precondition_failed")

    assert api.post(f"{address_of(quote)}/withdraw", **{"If-Match": quote.headers["ETag"]}).status_code == 200


def test_rehearsals_change_nothing(api, wish, acceptance):
    quote = address_of(api.post("/quotes", wish | {"hold": True}))

    with nothing_changes():
        made = api.post("/quotes?dry_run=true", wish | {"hold": True})
        accepted = api.post(f"{quote}/accept?dry_run=true", acceptance)
        gone = api.post(f"{quote}/withdraw?dry_run=true")

    assert [reply.status_code for reply in (made, accepted, gone)] == [200, 200, 200]
    assert [reply.json()["dry_run"] for reply in (made, accepted, gone)] == [True, True, True]
    assert [reply.json()["state"] for reply in (made, accepted, gone)] == ["open", "scheduled", "withdrawn"]


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"count": "2"}, {"/count": "invalid"}),
        ({"count": 0}, {"/count": "out_of_range"}),
        ({"hold": "true"}, {"/hold": "invalid"}),
        ({"hold": 1}, {"/hold": "invalid"}),
        ({"fabric": "Z"}, {"/fabric": "unknown"}),
        ({"fabric": 7}, {"/fabric": "invalid"}),
        ({"region": "mars", "fabric": "A"}, {"/region": "unknown"}),
        ({"starts_at": "2020-01-01T00:00:00Z", "count": 0}, {"/count": "out_of_range", "/starts_at": "in_the_past"}),
        ({"name": "train"}, {"/name": "unknown_field"}),
    ],
)
def test_a_wrong_field_of_a_quote_is_named(api, wish, changes, errors):
    with nothing_changes():
        assert assert_problem(api.post("/quotes", wish | changes), 422, "invalid_input") == errors


def test_what_is_not_sold_has_no_quote(api, wish):
    factories.region("us-east-1")

    with nothing_changes():
        assert_problem(api.post("/quotes", wish | {"region": "us-east-1"}), 409, "not_sold")


@pytest.mark.parametrize("role", [Role.VIEWER, Role.BILLING])
def test_who_may_only_look_sees_quotes_and_may_not_make_or_take_them(buyer, api, wish, acceptance, role):
    quote = address_of(api.post("/quotes", wish))
    reader = Api.of(buyer.project, role)

    with nothing_changes():
        refused = [
            reader.post("/quotes", wish),
            reader.post(f"{quote}/accept", acceptance),
            reader.post(f"{quote}/withdraw"),
        ]

    for reply in refused:
        assert_problem(reply, 403, "permission_denied")
    assert reader.get(quote).status_code == 200


def test_quotes_of_a_sister_project_and_of_another_tenant_are_not_there(api, buyer, foreign, acceptance):
    sister = factories.scope(in_project=factories.project(buyer.organization))
    for scope in (sister, foreign):
        theirs = f"/quotes/{factories.quote(scope).public_id}"
        with nothing_changes():
            assert_problem(api.get(theirs), 404, "not_found")
            assert_problem(api.post(f"{theirs}/accept", acceptance), 404, "not_found")
            assert_problem(api.post(f"{theirs}/withdraw"), 404, "not_found")
    assert api.get("/quotes").json()["data"] == []


def test_a_state_narrows_the_list(api, wish):
    first, second = (api.post("/quotes", wish).json()["id"] for _ in range(2))
    api.post(f"/quotes/{first}/withdraw")

    def shown(**query):
        return [row["id"] for row in api.get("/quotes", query).json()["data"]]

    assert shown() == [second, first]
    assert shown(state="open") == [second]
    assert shown(state=["withdrawn", "expired"]) == [first]
    assert assert_problem(api.get("/quotes", {"state": "on"}), 422, "invalid_input") == {"/state/0": "invalid_choice"}
