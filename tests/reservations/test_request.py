"""What a wish must be like: every wrong field is named at once, with the reason and the way out."""

import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.core import clock
from portal.core.errors import InvalidInput
from portal.core.periods import Period
from portal.operations.models import USER_DATA_LIMIT_BYTES
from portal.reservations.models import NAME_PATTERN
from portal.reservations.request import (
    MAX_AHEAD,
    MAX_COUNT,
    MAX_LABELS,
    MAX_LENGTH,
    NOW_TOLERANCE,
    check,
    check_count,
    check_labels,
    check_name,
    check_period,
    check_user_data,
    min_length,
)
from tests import factories

pytestmark = pytest.mark.usefixtures("noon")

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)


def refusal(act, *args):
    """Return field and code of the one thing that is wrong."""
    with pytest.raises(InvalidInput) as caught:
        act(*args)
    (error,) = caught.value.errors
    assert error.detail == caught.value.detail
    return error.field, error.code


def test_a_period_is_taken_as_it_is():
    start = clock.now() + HOUR

    assert check_period(start, start + 2 * HOUR) == Period(start, start + 2 * HOUR)


def test_without_a_start_it_begins_now():
    assert check_period(None, clock.now() + HOUR) == Period(clock.now(), clock.now() + HOUR)


def test_a_start_just_over_means_now_and_the_shortest_length_still_passes():
    start = clock.now() - NOW_TOLERANCE

    assert check_period(start, start + min_length()) == Period(clock.now(), start + min_length())


@pytest.mark.parametrize(
    "start,length,wrong",
    [
        (-NOW_TOLERANCE - SECOND, HOUR, ("starts_at", "in_the_past")),
        (timedelta(days=-4000), HOUR, ("starts_at", "in_the_past")),
        (MAX_AHEAD + SECOND, HOUR, ("starts_at", "too_far")),
        (HOUR, timedelta(0), ("ends_at", "not_after_start")),
        (HOUR, -HOUR, ("ends_at", "not_after_start")),
        (-SECOND, SECOND, ("ends_at", "not_after_start")),
        (HOUR, HOUR - SECOND, ("ends_at", "too_short")),
        (timedelta(0), MAX_LENGTH + SECOND, ("ends_at", "too_long")),
        (HOUR, timedelta(days=365 * 5000), ("ends_at", "too_long")),
    ],
)
def test_an_impossible_period_names_the_field_to_change(start, length, wrong):
    begin = clock.now() + start

    assert refusal(check_period, begin, begin + length) == wrong


@pytest.mark.parametrize("start,length", [(MAX_AHEAD, HOUR), (HOUR, MAX_LENGTH), (HOUR, HOUR)])
def test_the_limits_themselves_pass(start, length):
    begin = clock.now() + start

    assert check_period(begin, begin + length).duration == length


@pytest.mark.parametrize("count", [-1, 0, MAX_COUNT + 1, 10**12])
def test_an_absurd_count_is_refused(count):
    assert refusal(check_count, count) == ("count", "out_of_range")


@pytest.mark.parametrize("count", [1, MAX_COUNT])
def test_the_limits_of_the_count_pass(count):
    check_count(count)


@pytest.mark.parametrize(
    "name", ["", "-a", "a-", "A", "a_b", "a b", "a\n", "ä", "a" * 41, "{{ x }}", "a'b", 'a"b', "a.b", "\x00"]
)
def test_a_name_that_cannot_begin_a_host_name_is_refused(name):
    assert refusal(check_name, name) == ("name", "invalid_name")


@pytest.mark.parametrize("name", ["a", "0", "a-b", "a" * 40, "a--b"])
def test_a_label_of_dns_is_a_name(name):
    check_name(name)


@given(st.from_regex(NAME_PATTERN, fullmatch=True))
def test_every_name_leaves_room_for_the_number_in_a_label_of_63(name):
    check_name(name)
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", f"{name}-{MAX_COUNT:03d}")


@pytest.mark.parametrize("text", ["x" * USER_DATA_LIMIT_BYTES, "ä" * (USER_DATA_LIMIT_BYTES // 2), ""])
def test_user_data_is_measured_in_bytes_and_may_fill_its_limit(text):
    check_user_data(text)


@pytest.mark.parametrize(
    "text,code",
    [
        ("x" * (USER_DATA_LIMIT_BYTES + 1), "too_large"),
        ("ä" * (USER_DATA_LIMIT_BYTES // 2) + "x", "too_large"),
        ("\N{GRINNING FACE}" * (USER_DATA_LIMIT_BYTES // 4 + 1), "too_large"),
        ("a\x00b", "not_text"),
        ("a\ud800b", "not_text"),
    ],
)
def test_user_data_that_is_too_large_or_no_text_is_refused(text, code):
    assert refusal(check_user_data, text) == ("user_data", code)


@pytest.mark.parametrize(
    "labels,code",
    [
        ({f"k{number}": "v" for number in range(MAX_LABELS + 1)}, "too_many"),
        ({"": "v"}, "malformed"),
        ({"Upper": "v"}, "malformed"),
        ({"a" * 64: "v"}, "malformed"),
        ({"-a": "v"}, "malformed"),
        ({"k": "v" * 101}, "malformed"),
        ({"k": "a\x00b"}, "malformed"),
        ({"k": "\udfff"}, "malformed"),
        ({"k": 5}, "malformed"),
        ({"k": None}, "malformed"),
        ({"k": ["v"]}, "malformed"),
    ],
)
def test_labels_that_are_too_many_or_malformed_are_refused(labels, code):
    assert refusal(check_labels, labels) == ("labels", code)


def test_the_limits_of_labels_pass():
    check_labels({"a" * 63: "v" * 100, "team/x.y_z-1": "", "ü"[:0] + "k": "ü{{ x }}\n'"})
    check_labels({f"k{number}": "v" for number in range(MAX_LABELS)})


@pytest.mark.django_db
def test_every_wrong_field_is_named_at_once():
    request = factories.request(
        factories.buyer(),
        name="No",
        count=0,
        starts_at=clock.now() - HOUR,
        ends_at=clock.now() + HOUR,
        user_data="\x00",
        labels={"": ""},
        placement="nowhere",
        ssh_keys=[],
    )

    with pytest.raises(InvalidInput) as caught:
        check(request)

    assert {error.field: error.code for error in caught.value.errors} == {
        "name": "invalid_name",
        "count": "out_of_range",
        "starts_at": "in_the_past",
        "user_data": "not_text",
        "labels": "malformed",
        "placement": "unknown",
        "ssh_keys": "required",
    }
    assert all(error.detail for error in caught.value.errors)


@pytest.mark.django_db
def test_a_good_wish_gives_its_period():
    request = factories.request(factories.buyer())

    assert check(request) == Period(request.starts_at, request.ends_at)
