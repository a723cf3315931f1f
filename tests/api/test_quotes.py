"""Quotes over HTTP: prices, holds, and what becomes of them."""

from datetime import timedelta
from decimal import Decimal

import pytest

from portal.catalog.models import PriceBook
from portal.catalog.services import set_terms
from portal.catalog.terms import CancellationTerms
from portal.core import clock
from portal.core.actors import SYSTEM
from portal.reservations.models import Allocation, Quote, Reservation
from portal.tenancy.roles import Role
from tests import factories
from tests.api.client import Api, assert_problem, order
from tests.api.world import nothing_changes

WISH = ("server_type", "region", "count", "starts_at", "ends_at")
ORDER = ("name", "image", "ssh_keys")


@pytest.fixture
def wish(buyer):
    """Return the body of a quote for two servers for tomorrow."""
    return {name: value for name, value in order(buyer.project).items() if name in WISH}


@pytest.fixture
def acceptance(buyer):
    """Return the body that accepts a quote."""
    return {name: value for name, value in order(buyer.project).items() if name in ORDER}


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
    notices = [(timedelta(days=7), Decimal(0)), (timedelta(days=1), Decimal(25))]
    set_terms(actor=SYSTEM, book=PriceBook.objects.get(), terms=CancellationTerms.of_pairs(notices))

    assert api.post("/quotes", wish).json()["cancellation"] == {
        "free_until": "2030-01-09T12:00:00Z",
        "terms": [{"notice_hours": 168, "percent": "0"}, {"notice_hours": 24, "percent": "25"}],
        "description": "Cancellation costs 25 % until 15 Jan 12:00 UTC, then 100 %.",
    }


def test_a_hold_books_the_servers_until_it_expires(noon, api, wish):
    held = api.post("/quotes", wish | {"hold": True, "fabric": "A"}).json()

    row = Reservation.objects.get()
    assert (held["hold"], held["fabric"], held["reservation"]) == (True, "A", row.public_id)
    assert held["checks"]["capacity"] == {"passes": True, "held": True, "available": 2, "next_fit": None}
    assert held["checks"]["quota"]["limits"][0]["used"] == 0
    shown = api.get(f"/reservations/{row.public_id}").json()
    assert (shown["state"], shown["image"], shown["servers_ready"]) == ("held", None, 0)
    assert [found["id"] for found in api.get("/reservations", {"state": "held"}).json()["data"]] == [row.public_id]
    assert Allocation.objects.filter(state="booked").count() == 2

    noon.shift(timedelta(minutes=15))
    late = api.get(f"/quotes/{held['id']}").json()
    assert (late["state"], late["checks"]) == ("open", None)


@pytest.mark.parametrize("hold", [False, True])
def test_an_accepted_quote_is_a_reservation_at_the_quoted_price(noon, api, wish, acceptance, hold):
    quote = api.post("/quotes", wish | {"hold": hold})
    factories.Price.objects.update(per_gpu_hour=99)

    made = api.post(f"{address_of(quote)}/accept", acceptance | {"labels": {"team": "nlp"}})

    row = Reservation.objects.get()
    assert made.status_code == 201
    assert made.headers["Location"] == f"/api/v1/reservations/{row.public_id}"
    assert made.json() == api.get(f"/reservations/{row.public_id}").json()
    assert made.json()["price"] == quote.json()["price"]
    assert made.json()["price_lines"] == quote.json()["price_lines"]
    assert {name: made.json()[name] for name in ("name", "state", "count", "labels")} == {
        "name": "train-7b",
        "state": "scheduled",
        "count": 2,
        "labels": {"team": "nlp"},
    }
    after = api.get(address_of(quote)).json()
    assert (after["state"], after["reservation"], after["checks"]) == ("accepted", row.public_id, None)


def test_an_accept_is_done_once_however_often_it_is_sent(api, wish, acceptance):
    address = f"{address_of(api.post('/quotes', wish | {'hold': True}))}/accept"

    first = api.post(address, acceptance, key="once")
    again = api.post(address, acceptance, key="once")

    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["Idempotency-Replayed"] == "true"
    with nothing_changes():
        other = api.post(address, acceptance | {"name": "other"}, key="once")
        second = api.post(address, acceptance)
    assert_problem(other, 422, "idempotency_key_reused")
    assert_problem(second, 409, "state_conflict")
    assert second.json()["reservation"] == first.json()["id"]
    assert Reservation.objects.count() == 1


def test_without_a_key_nothing_is_accepted(api, wish, acceptance):
    quote = api.post("/quotes", wish)

    with nothing_changes():
        reply = api.client.post(
            f"/api/v1{address_of(quote)}/accept",
            acceptance,
            content_type="application/json",
            headers={"Authorization": f"Bearer {api.token}"},
        )

    assert_problem(reply, 400, "idempotency_key_required")


@pytest.mark.parametrize("hold", [False, True])
def test_a_quote_that_expired_is_refused_with_the_instant(noon, api, wish, acceptance, hold):
    quote = api.post("/quotes", wish | {"hold": hold})
    noon.shift(timedelta(minutes=15))

    with nothing_changes():
        reply = api.post(f"{address_of(quote)}/accept", acceptance)

    assert_problem(reply, 409, "quote_expired")
    assert reply.json()["expires_at"] == "2030-01-15T12:15:00Z"


def test_a_price_alone_keeps_no_servers(noon, api, buyer, wish, acceptance):
    quote = api.post("/quotes", wish)
    factories.reservation(buyer, count=7)

    with nothing_changes():
        reply = api.post(f"{address_of(quote)}/accept", acceptance)

    assert_problem(reply, 409, "insufficient_capacity")
    assert reply.json()["available"] == 1


def test_a_hold_is_refused_with_numbers_where_a_check_fails(noon, api, buyer, wish):
    hold = wish | {"hold": True}
    with nothing_changes():
        full = api.post("/quotes", hold | {"count": 9})
    assert_problem(full, 409, "insufficient_capacity")
    assert (full.json()["available"], full.json()["next_fit"]) == (8, None)

    buyer.organization.quotas.update(limit=1)
    with nothing_changes():
        over = api.post("/quotes", hold)
    assert_problem(over, 409, "quota_exceeded")
    assert {name: over.json()[name] for name in ("limit", "used", "requested")} == {
        "limit": 1,
        "used": 0,
        "requested": 2,
    }

    type(buyer.organization).objects.update(approval_limit=959)
    with nothing_changes():
        dear = api.post("/quotes", hold)
    assert_problem(dear, 403, "approval_required")
    assert dear.json()["limit"] == {"amount": "959.00", "currency": "USD"}
    assert dear.json()["total"] == {"amount": "960.00", "currency": "USD"}


def test_who_holds_too_much_is_told_when_to_come_back(noon, api, settings, wish):
    settings.METALYARD_LIVE_HOLDS = 1
    api.post("/quotes", wish | {"hold": True})

    with nothing_changes():
        reply = api.post("/quotes", wish | {"hold": True})

    assert_problem(reply, 409, "hold_limit_reached")
    assert (reply.json()["limit"], reply.json()["retry_after"]) == (1, 900)
    assert reply.headers["Retry-After"] == "900"


def test_a_withdrawn_hold_frees_its_servers(api, wish):
    quote = api.post("/quotes", wish | {"hold": True})

    reply = api.post(f"{address_of(quote)}/withdraw")

    assert reply.status_code == 200
    assert (reply.json()["state"], reply.json()["checks"]) == ("withdrawn", None)
    assert set(Allocation.objects.values_list("state", flat=True)) == {"released"}
    with nothing_changes():
        assert_problem(api.post(f"{address_of(quote)}/withdraw"), 409, "state_conflict")


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


def test_wrong_fields_of_an_acceptance_are_named(api, foreign, wish, acceptance):
    address = f"{address_of(api.post('/quotes', wish | {'hold': True}))}/accept"
    wrong = [
        ({"image": "nothing"}, {"/image": "unknown"}),
        ({"ssh_keys": [foreign.project.ssh_keys.get().public_id]}, {"/ssh_keys/0": "unknown"}),
        ({"ssh_keys": []}, {"/ssh_keys": "required"}),
        ({"name": "No Name"}, {"/name": "invalid_name"}),
        ({"count": 3}, {"/count": "unknown_field"}),
    ]

    with nothing_changes():
        for changes, errors in wrong:
            assert assert_problem(api.post(address, acceptance | changes), 422, "invalid_input") == errors, changes


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


def test_a_quote_that_starts_now_is_prepared_at_once(api, wish, acceptance):
    quote = api.post("/quotes", wish | {"starts_at": None, "hold": True})

    assert api.post(f"{address_of(quote)}/accept", acceptance).json()["state"] == "provisioning"
    assert Quote.objects.get().span.start <= clock.now()
