"""How often a token may ask."""

import pytest
from django.core.cache import cache
from redis.exceptions import ConnectionError as CacheDown

from tests import factories
from tests.api.client import Api, assert_problem, order
from tests.api.world import nothing_changes


@pytest.fixture(autouse=True)
def three_a_minute(settings, noon):
    settings.METALYARD_API_REQUESTS_PER_MINUTE = 3
    cache.clear()


def test_every_reply_says_what_is_left(api, noon):
    noon.shift(18)
    replies = [api.get("/me"), api.get("/nowhere/at/all"), api.get("/reservations/res_x"), api.get("/regions?x=1")]

    assert [reply.headers.get("RateLimit-Policy") for reply in replies] == ['"minute";q=3;w=60', None] + [
        '"minute";q=3;w=60'
    ] * 2
    assert [reply.headers.get("RateLimit") for reply in replies] == [
        '"minute";r=2;t=42',
        None,
        '"minute";r=1;t=42',
        '"minute";r=0;t=42',
    ]


def test_one_too_many_is_refused_until_the_minute_is_over(api, buyer, noon):
    for _ in range(3):
        assert api.get("/me").status_code == 200
    noon.shift(50)

    with nothing_changes():
        refused = api.post("/reservations", order(buyer.project))

    assert_problem(refused, 429, "rate_limited")
    assert refused.headers["Retry-After"] == "10"
    assert refused.headers["RateLimit"] == '"minute";r=0;t=10'
    noon.shift(10)
    assert api.get("/me").headers["RateLimit"] == '"minute";r=2;t=60'


def test_what_is_polled_is_not_counted_and_not_refused(api, starting):
    for _ in range(3):
        api.get("/me")

    for address in (
        "/operations",
        f"/operations/{starting.project.operations.get().public_id}",
        f"/reservations/{starting.public_id}/events",
    ):
        for _ in range(3):
            reply = api.get(address)
            assert (reply.status_code, reply.headers["RateLimit"]) == (200, '"minute";r=0;t=60')
    assert_problem(api.get("/me"), 429, "rate_limited")


def test_each_token_has_its_own_allowance(api, buyer):
    for _ in range(4):
        api.get("/me")

    assert Api.of(buyer.project).get("/me").status_code == 200
    assert Api.of(factories.project()).get("/me").status_code == 200


def test_without_a_token_nothing_is_counted(db):
    for _ in range(5):
        assert_problem(Api("").get("/me"), 401, "unauthenticated")


def test_a_cache_that_does_not_answer_stops_nobody(api, monkeypatch):
    def down(*_, **__):
        raise CacheDown("no cache")

    for name in ("add", "get"):
        monkeypatch.setattr(cache, name, down)

    for _ in range(5):
        assert api.get("/me").status_code == 200
    assert api.get("/operations").status_code == 200
