"""Whatever is sent: an answer, a refusal, never a fault of ours."""

import json
from contextlib import contextmanager

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.client import PROBLEM, Api, order
from tests.api.conftest import buyer_with_servers

TEXT = st.text(max_size=40) | st.sampled_from(
    ["h100x8", "eu-north-1", "ubuntu-24-04", "train-1", "any", "\x00", "{{x}}"]
)
INSTANT = st.datetimes().map(lambda moment: f"{moment.isoformat()}Z") | st.sampled_from(
    ["2030-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "2030-02-30T00:00:00Z"]
)
LEAF = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT | INSTANT
ANYTHING = st.recursive(
    LEAF, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=12
)
FIELDS = (
    "name",
    "server_type",
    "region",
    "count",
    "starts_at",
    "ends_at",
    "placement",
    "image",
    "ssh_keys",
    "user_data",
    "labels",
    "other",
)
EXAMPLES = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def shop(settings, db):
    """Return a scope that can reserve, and a client whose requests are not counted against it."""
    settings.METALYARD_API_REQUESTS_PER_MINUTE = 10**9
    made = buyer_with_servers()
    return made, Api.of(made.project)


@contextmanager
def forgotten():
    """Undo what an example did, so that each meets the same portal."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def check(reply):
    """Check that a reply is an answer or a problem document, and no fault."""
    assert reply.status_code < 500, reply.content
    if reply.status_code >= 400:
        assert reply.headers["Content-Type"] == PROBLEM
        assert reply.json()["code"]


@EXAMPLES
@given(ANYTHING)
def test_any_json_for_a_reservation(shop, body):
    with forgotten():
        check(shop[1].post("/reservations", body))


@EXAMPLES
@given(st.dictionaries(st.sampled_from(FIELDS), ANYTHING, max_size=3), st.sets(st.sampled_from(FIELDS), max_size=1))
def test_a_right_order_with_some_fields_replaced(shop, changes, left_out):
    scope, api = shop
    body = {name: value for name, value in {**order(scope.project), **changes}.items() if name not in left_out}

    with forgotten():
        check(api.post("/reservations", body))


@EXAMPLES
@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: json.dumps({"name": text}).encode()))
def test_any_bytes_for_a_reservation(shop, raw):
    with forgotten():
        check(shop[1].send("POST", "/reservations", raw, **{"Idempotency-Key": "k1"}))


@EXAMPLES
@given(st.dictionaries(st.sampled_from(FIELDS) | TEXT, TEXT | INSTANT | st.integers().map(str), max_size=6))
def test_any_search(shop, query):
    with forgotten():
        check(shop[1].get("/availability", query))


@EXAMPLES
@given(st.dictionaries(st.sampled_from(FIELDS), TEXT | INSTANT | st.integers().map(str), max_size=2))
def test_a_right_search_with_some_fields_replaced(shop, changes):
    scope, api = shop
    known = ("server_type", "region", "count", "starts_at", "ends_at")
    query = {name: value for name, value in order(scope.project).items() if name in known}

    with forgotten():
        check(api.get("/availability", {**query, **changes}))


@EXAMPLES
@given(TEXT | ANYTHING, TEXT | ANYTHING)
def test_any_key(shop, public_key, name):
    with forgotten():
        check(shop[1].post("/ssh-keys", {"public_key": public_key, "name": name}))


WISH = {"server_type": "h100x8", "region": "eu-north-1", "limit": 96, "reason": "more"}


@EXAMPLES
@given(st.dictionaries(st.sampled_from([*WISH, "applies_to", "gpu_hours_per_month", "other"]), ANYTHING, max_size=3))
def test_any_request_for_quota(shop, changes):
    with forgotten():
        check(shop[1].post("/quota-requests", {**WISH, **changes}))


QUOTE = ("server_type", "region", "count", "starts_at", "ends_at", "placement", "fabric", "hold", "other")


@EXAMPLES
@given(st.dictionaries(st.sampled_from(QUOTE), ANYTHING, max_size=3))
def test_any_quote(shop, changes):
    scope, api = shop
    body = {name: value for name, value in order(scope.project).items() if name in QUOTE}

    with forgotten():
        check(api.post("/quotes", {**body, **changes}))


WAIT = ("server_type", "region", "count", "hours", "earliest", "latest", "placement", "ceiling", "other")


@EXAMPLES
@given(st.dictionaries(st.sampled_from(WAIT), ANYTHING, max_size=3))
def test_any_wish_to_wait(shop, changes):
    body = {"server_type": "h100x8", "region": "eu-north-1", "count": 2, "hours": 24}

    with forgotten():
        check(shop[1].post("/waitlist", {**body, **changes}))


@EXAMPLES
@given(
    st.sampled_from(["/availability/starts", "/calendar"]),
    st.dictionaries(
        st.sampled_from([*WAIT, "from", "days", "grain", "fabric"]),
        TEXT | INSTANT | st.integers().map(str),
        max_size=3,
    ),
)
def test_any_search_for_starts_and_any_part_of_the_calendar(shop, path, changes):
    wish = {"server_type": "h100x8", "region": "eu-north-1", **({"hours": "24"} if path.endswith("starts") else {})}

    with forgotten():
        check(shop[1].get(path, {**wish, **changes}))


@EXAMPLES
@given(st.sampled_from(["extend", "shorten", "add-servers", "transfer"]), ANYTHING | INSTANT | st.integers(), TEXT)
def test_any_change(shop, action, value, other):
    scope, api = shop
    names = {"add-servers": "count", "transfer": "project"}
    with forgotten():
        made = api.post("/reservations", order(scope.project)).json()["id"]
        body = {names.get(action, "ends_at"): value, **({other: value} if other == "any" else {})}
        check(api.post(f"/reservations/{made}/{action}", body))
