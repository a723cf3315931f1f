"""Holds over HTTP: capacity that is kept until a quote expires."""

from datetime import timedelta

from portal.reservations.models import Allocation, Reservation
from tests.api.client import assert_problem
from tests.api.world import nothing_changes


def address_of(reply):
    return f"/quotes/{reply.json()['id']}"


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
