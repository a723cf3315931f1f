"""The calendar over HTTP."""

from datetime import timedelta

from portal.core import clock
from tests import factories
from tests.api.client import assert_problem
from tests.api.world import nothing_changes


def test_the_calendar_tells_what_is_free_per_pool_and_day(noon, api, buyer):
    factories.servers(1, in_fabric=factories.fabric("B"))
    factories.reservation(buyer, count=7)

    reply = api.get("/calendar", {"server_type": "h100x8", "region": "eu-north-1", "days": 3, "count": 2})

    def pool(fabric, *slots):
        days = ("2030-01-15T00:00:00Z", "2030-01-16T00:00:00Z", "2030-01-17T00:00:00Z")
        return {
            "server_type": "h100x8",
            "region": "eu-north-1",
            "fabric": fabric,
            "technology": "NDR 400G",
            "rate_per_gpu_hour": {"amount": "2.50", "currency": "USD"},
            "slots": [
                {"starts_at": day, "free": free, "fits": fits} for day, (free, fits) in zip(days, slots, strict=True)
            ],
        }

    assert reply.status_code == 200
    # From noon of the second day to noon of the third, with preparation and erasure.
    assert reply.json() == {
        "grain": "day",
        "starts_at": "2030-01-15T00:00:00Z",
        "ends_at": "2030-01-18T00:00:00Z",
        "pools": [
            pool("A", (8, True), (1, False), (1, False)),
            pool("B", (1, False), (1, False), (1, False)),
        ],
    }


def test_hours_begin_with_the_present_one_or_where_it_is_asked_for(noon, api):
    noon.shift(timedelta(minutes=20))
    now = api.get("/calendar", {"grain": "hour", "days": 1}).json()
    later = api.get("/calendar", {"grain": "hour", "days": 2, "from": "2030-01-20T10:30:00+01:00"})
    day = api.get("/calendar", {"from": "2030-01-20"}).json()

    assert (now["starts_at"], now["ends_at"]) == ("2030-01-15T12:00:00Z", "2030-01-16T12:00:00Z")
    assert len(now["pools"][0]["slots"]) == 24
    assert later.json()["starts_at"] == "2030-01-20T09:00:00Z"
    assert len(later.json()["pools"][0]["slots"]) == 48
    assert (day["starts_at"], day["ends_at"]) == ("2030-01-20T00:00:00Z", "2030-02-03T00:00:00Z")


def test_a_fabric_is_shown_alone_and_any_placement_counts_all(noon, api):
    factories.servers(2, in_fabric=factories.fabric("B"))

    def shown(**query):
        pools = api.get("/calendar", {"days": 1, "count": 9, **query}).json()["pools"]
        return [(pool["fabric"], pool["slots"][0]["fits"]) for pool in pools]

    assert shown() == [("A", False), ("B", False)]
    assert shown(placement="any") == [("A", True), ("B", True)]
    assert shown(region="eu-north-1", fabric="B", count=2) == [("B", True)]
    assert shown(server_type=factories.server_type("empty").slug) == []


WRONG = [
    ({"days": "0"}, {"/days": "out_of_range"}),
    ({"days": "91"}, {"/days": "out_of_range"}),
    ({"days": "15", "grain": "hour"}, {"/days": "out_of_range"}),
    ({"days": "9" * 300}, {"/days": "out_of_range"}),
    ({"count": "0"}, {"/count": "out_of_range"}),
    ({"from": "yesterday"}, {"/from": "invalid"}),
    ({"from": "2030-02-30"}, {"/from": "invalid"}),
    ({"from": "2030-01-15T10:00:00"}, {"/from": "no_offset"}),
    ({"from": "2020-01-01"}, {"/from": "in_the_past"}),
    ({"from": "9999-12-31"}, {"/from": "too_far"}),
    ({"fabric": "A"}, {"/region": "required"}),
    ({"fabric": "Z", "region": "eu-north-1"}, {"/fabric": "unknown"}),
    ({"region": "mars", "server_type": "abacus"}, {"/region": "unknown", "/server_type": "unknown"}),
    ({"grain": "week", "placement": "near"}, {"/grain": "invalid_choice", "/placement": "invalid_choice"}),
    ({"gpu": "8"}, {"/gpu": "unknown_field"}),
]


def test_a_wrong_field_of_the_query_is_named(noon, api):
    with nothing_changes():
        for query, errors in WRONG:
            assert assert_problem(api.get("/calendar", query), 422, "invalid_input") == errors, query


def test_too_much_at_once_is_refused(api, monkeypatch):
    monkeypatch.setattr("portal.api.serializers.calendar.MOST_CELLS", 13)

    assert assert_problem(api.get("/calendar"), 422, "invalid_input") == {"/days": "too_many"}
    assert api.get("/calendar", {"days": 13}).status_code == 200


def test_it_asks_as_often_for_many_pools_and_days_as_for_one(noon, api, django_assert_num_queries):
    api.get("/me")  # from now on the use of the token is noted
    asked = {"from": clock.now().date() + timedelta(days=1)}
    for name in "BCDE":
        factories.servers(2, in_fabric=factories.fabric(name))
    # The token, the number of pools, prices, pools, slots.
    with django_assert_num_queries(5):
        assert len(api.get("/calendar", {**asked, "days": 90}).json()["pools"]) == 5
