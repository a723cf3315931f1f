"""Bodies that are wrong: each names the field, the reason and the way out, and changes nothing."""

import json
from datetime import timedelta

import pytest

from portal.api.parsers import MAX_BODY_BYTES
from portal.core import clock
from portal.reservations.request import MAX_LABELS
from tests import factories
from tests.api.client import assert_problem, order
from tests.api.world import nothing_changes


def at(**offset):
    """Return an instant that lies so far from now."""
    return lambda: clock.as_rfc3339(clock.now() + timedelta(**offset))


ORDERS = [
    ("name", "", "invalid_name"),
    ("name", "-x", "invalid_name"),
    ("name", "x" * 41, "invalid_name"),
    ("name", "Train", "invalid_name"),
    ("name", "{{ 7*7 }}", "invalid_name"),
    ("name", "{% raw %}", "invalid_name"),
    ("name", "a'b", "invalid_name"),
    ("name", 'a"b', "invalid_name"),
    ("name", "a\nb", "invalid_name"),
    ("name", "a\n", "invalid_name"),
    ("name", "a\u0000b", "null_characters_not_allowed"),
    ("name", "\uff41\uff42", "invalid_name"),
    ("name", "x" * 100_000, "invalid_name"),
    ("name", 7, "invalid"),
    ("name", None, "null"),
    ("name", ["a"], "invalid"),
    ("name", {"a": "b"}, "invalid"),
    ("name", True, "invalid"),
    ("count", 0, "out_of_range"),
    ("count", -1, "out_of_range"),
    ("count", 513, "out_of_range"),
    ("count", 2**31, "out_of_range"),
    ("count", 2**63, "out_of_range"),
    ("count", 10**1000, "out_of_range"),
    ("count", 1.5, "invalid"),
    ("count", 2.0, "invalid"),
    ("count", "2", "invalid"),
    ("count", "two", "invalid"),
    ("count", True, "invalid"),
    ("count", None, "null"),
    ("count", [2], "invalid"),
    ("server_type", "abacus", "unknown"),
    ("server_type", "", "unknown"),
    ("server_type", "h100x8\u0000", "null_characters_not_allowed"),
    ("server_type", 7, "invalid"),
    ("region", "mars", "unknown"),
    ("region", "EU-NORTH-1", "unknown"),
    ("region", None, "null"),
    ("image", "img_01m00000000000000000000000", "unknown"),
    ("image", "x' OR 1=1 --", "unknown"),
    ("image", ["ubuntu-24-04"], "invalid"),
    ("starts_at", at(days=-1), "in_the_past"),
    ("starts_at", at(days=400), "too_far"),
    ("starts_at", "tomorrow", "invalid"),
    ("starts_at", "2030-13-01T00:00:00Z", "invalid"),
    ("starts_at", "2030-01-01", "invalid"),
    ("starts_at", "2030-W01-1T00:00:00Z", "invalid"),
    ("starts_at", "2030-01-01T24:00:00Z", "invalid"),
    ("starts_at", "٢٠٣٠-01-01T00:00:00Z", "invalid"),
    ("starts_at", "2030-01-01T00:00:00", "no_offset"),
    ("starts_at", "9999-12-31T23:59:59-12:00", "invalid"),
    ("starts_at", "2030-01-01T00:00:00Z\u0000", "invalid"),
    ("starts_at", 1893456000, "invalid"),
    ("ends_at", at(hours=-1), "not_after_start"),
    ("ends_at", at(days=1), "not_after_start"),
    ("ends_at", at(days=1, minutes=5), "too_short"),
    ("ends_at", at(days=900), "too_long"),
    ("ends_at", None, "null"),
    ("ends_at", {}, "invalid"),
    ("placement", "near", "invalid_choice"),
    ("placement", None, "null"),
    ("placement", ["any"], "invalid_choice"),
    ("ssh_keys", [], "required"),
    ("ssh_keys", "key_x", "not_a_list"),
    ("ssh_keys", None, "null"),
    ("ssh_keys", ["x"] * 51, "max_length"),
    ("user_data", "x" * (16 * 1024 + 1), "too_large"),
    ("user_data", "é" * (8 * 1024 + 1), "too_large"),
    ("user_data", "a\u0000b", "null_characters_not_allowed"),
    ("user_data", 7, "invalid"),
    ("user_data", None, "null"),
    ("labels", [], "not_a_dict"),
    ("labels", {"a": "b\u0000"}, "null_characters_not_allowed"),
    ("labels", {"a": 7}, "invalid"),
    ("labels", {"a": None}, "null"),
    ("labels", {"a": "x" * 101}, "malformed"),
    ("labels", {"A b": "x"}, "malformed"),
    ("labels", {"a\u0000": "x"}, "malformed"),
    ("labels", {"": "x"}, "malformed"),
    ("labels", {str(number): "x" for number in range(MAX_LABELS + 1)}, "too_many"),
]


@pytest.mark.parametrize("field", sorted({field for field, _, _ in ORDERS}))
def test_a_wrong_field_of_an_order_is_named(api, buyer, field):
    wrong = [(value() if callable(value) else value, code) for name, value, code in ORDERS if name == field]

    with nothing_changes():
        for value, code in wrong:
            reply = api.post("/reservations", order(buyer.project, **{field: value}))
            errors = assert_problem(reply, 422, "invalid_input")
            named = [(pointer.split("/")[1], found) for pointer, found in errors.items()]
            assert named == [(field, code)], repr(value)[:200]


def test_the_order_that_these_differ_from_is_right(api, buyer):
    body = order(buyer.project, user_data="é" * (8 * 1024), labels={"team/a.b": ""}, placement="any")

    assert api.post("/reservations", body).status_code == 201


@pytest.mark.parametrize("field", ["name", "server_type", "region", "count", "ends_at", "image", "ssh_keys"])
def test_a_missing_field_is_named(api, buyer, field):
    body = order(buyer.project)
    del body[field]

    with nothing_changes():
        assert assert_problem(api.post("/reservations", body), 422, "invalid_input") == {f"/{field}": "required"}


def test_everything_that_is_wrong_is_told_at_once(api, buyer):
    with nothing_changes():
        malformed = api.post("/reservations", order(buyer.project, name=7, count="2", colour="red", region="mars"))
        impossible = api.post(
            "/reservations", order(buyer.project, name="-", count=0, ssh_keys=[], ends_at=at(days=-1)())
        )

    assert assert_problem(malformed, 422, "invalid_input") == {
        "/name": "invalid",
        "/count": "invalid",
        "/colour": "unknown_field",
        "/region": "unknown",
    }
    assert assert_problem(impossible, 422, "invalid_input") == {
        "/name": "invalid_name",
        "/count": "out_of_range",
        "/ssh_keys": "required",
        "/ends_at": "not_after_start",
    }


def test_the_names_of_unknown_fields_are_escaped_as_pointers(api, buyer):
    with nothing_changes():
        reply = api.post("/reservations", order(buyer.project, **{"a/b~c": 1, "x" * 5000: 2}))

    assert assert_problem(reply, 422, "invalid_input") == {
        "/a~1b~0c": "unknown_field",
        "/" + "x" * 100: "unknown_field",
    }


def test_keys_of_others_are_not_known(api, buyer, foreign):
    mine, theirs = buyer.project.ssh_keys.get(), foreign.project.ssh_keys.get()
    sibling = factories.ssh_key(factories.project(buyer.organization))
    body = order(buyer.project, ssh_keys=[mine.public_id, theirs.public_id, sibling.public_id, "key_x", "\ud7ff"])

    with nothing_changes():
        errors = assert_problem(api.post("/reservations", body), 422, "invalid_input")

    assert errors == {f"/ssh_keys/{index}": "unknown" for index in (1, 2, 3, 4)}


def test_a_name_that_is_taken_is_a_field_error(api, buyer, scheduled):
    with nothing_changes():
        reply = api.post("/reservations", order(buyer.project, name=scheduled.name))

    assert assert_problem(reply, 422, "invalid_input") == {"/name": "duplicate"}


NO_OBJECT = [(b"null", "null"), (b"[]", "invalid"), (b"7", "invalid"), (b'"text"', "invalid"), (b"true", "invalid")]
BROKEN = [
    b"{",
    b"{'a': 1}",
    b'{"a": 1,}',
    b'{"count": NaN}',
    b'{"count": -Infinity}',
    b'{"count": ' + b"9" * 5000 + b"}",
    b'{"name": "\xff"}',
    b'\xef\xbb\xbf{"name": "bom"}',
    '{"name": "ä"}'.encode("utf-16"),
    b'{"name": "\\ud800"}',
    b'{"\\udfff": 1}',
    b'{"labels": {"a": "\\ud800"}}',
    b"[" * 18 + b"]" * 18,
    b"[" * 60_000,
    b'{"a":' * 20_000,
    b"\x00",
]


@pytest.mark.parametrize("path", ["/reservations", "/ssh-keys"])
def test_a_body_that_is_no_object_of_json_is_said_so(api, path):
    with nothing_changes():
        for raw in BROKEN:
            assert_problem(api.send("POST", path, raw, **{"Idempotency-Key": "k1"}), 400, "malformed_json")
        for raw, code in NO_OBJECT:
            reply = api.send("POST", path, raw, **{"Idempotency-Key": "k1"})
            assert assert_problem(reply, 422, "invalid_input") == {"": code}, raw
        nothing = api.send("POST", path, b"", **{"Idempotency-Key": "k1"})

    assert set(assert_problem(nothing, 422, "invalid_input").values()) == {"required"}


@pytest.mark.parametrize(
    "content_type",
    ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", "application/xml", "", "x"],
)
def test_a_body_of_another_kind_is_refused(api, buyer, content_type):
    with nothing_changes():
        reply = api.send(
            "POST", "/reservations", json.dumps(order(buyer.project)), content_type, **{"Idempotency-Key": "k1"}
        )

    assert_problem(reply, 415, "unsupported_media_type")


def test_a_body_is_bounded(api, buyer):
    fits = json.dumps(order(buyer.project, count=0)).ljust(MAX_BODY_BYTES)

    with nothing_changes():
        largest = api.send("POST", "/reservations", fits, **{"Idempotency-Key": "k1"})
        larger = api.send("POST", "/reservations", fits + " ", **{"Idempotency-Key": "k1"})

    assert assert_problem(largest, 422, "invalid_input") == {"/count": "out_of_range"}
    assert_problem(larger, 413, "body_too_large")


def test_a_long_list_of_errors_is_cut(api, buyer):
    with nothing_changes():
        reply = api.post("/reservations", order(buyer.project, **{f"x{number}": 1 for number in range(500)}))

    assert len(assert_problem(reply, 422, "invalid_input")) == 50


KEYS = [
    ({}, {"/public_key": "required"}),
    ({"public_key": ""}, {"/public_key": "malformed"}),
    ({"public_key": "ssh-ed25519"}, {"/public_key": "malformed"}),
    ({"public_key": "ssh-ed25519 AAAA"}, {"/public_key": "malformed"}),
    ({"public_key": factories.KEY.replace("AAAAC3", "!!!!C3")}, {"/public_key": "malformed"}),
    ({"public_key": factories.KEY.replace("ssh-ed25519", "ssh-rsa", 1)}, {"/public_key": "malformed"}),
    ({"public_key": factories.KEY.replace("ssh-ed25519", "ssh-dss", 1)}, {"/public_key": "malformed"}),
    ({"public_key": f'command="x" {factories.KEY}'}, {"/public_key": "malformed"}),
    ({"public_key": f"{factories.KEY}\n{factories.KEY}"}, {"/public_key": "several_lines"}),
    ({"public_key": factories.KEY.replace(" ana", "\tana")}, {"/public_key": "several_lines"}),
    ({"public_key": factories.KEY + "\u0000"}, {"/public_key": "null_characters_not_allowed"}),
    ({"public_key": "-----BEGIN OPENSSH PRIVATE KEY-----\n"}, {"/public_key": "private_key"}),
    ({"public_key": factories.KEY + "x" * 9000}, {"/public_key": "too_long"}),
    ({"public_key": 7}, {"/public_key": "invalid"}),
    ({"public_key": [factories.KEY]}, {"/public_key": "invalid"}),
    ({"public_key": None}, {"/public_key": "null"}),
    ({"public_key": factories.KEY, "name": "x" * 81}, {"/name": "invalid_name"}),
    ({"public_key": factories.KEY, "name": "a\u202eb"}, {"/name": "invalid_name"}),
    ({"public_key": factories.KEY, "name": "a\u0000"}, {"/name": "null_characters_not_allowed"}),
    ({"public_key": factories.KEY, "name": 7}, {"/name": "invalid"}),
    ({"public_key": factories.KEY, "key": "x"}, {"/key": "unknown_field"}),
]


def test_a_wrong_key_is_refused(api):
    with nothing_changes():
        for body, errors in KEYS:
            assert assert_problem(api.post("/ssh-keys", body), 422, "invalid_input") == errors, body
