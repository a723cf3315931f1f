"""How single facts look."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from portal.audit.staff import columns
from portal.core import clock
from portal.fleet.models import Region

NOON = datetime(2030, 1, 2, 12, 0, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0 s"), (0, "0 s"), (59.9, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 h"), (200_000, "2 d")],
)
def test_lengths_of_time_are_told_in_their_largest_unit(seconds, text):
    assert columns.short(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(None, ""), (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (16 * 2**20, "16.0 MiB"), (5 * 2**50, "5120.0 TiB")],
)
def test_numbers_of_bytes_are_told_in_their_largest_unit(count, text):
    assert columns.bytes_text(count) == text


def test_instants_are_told_to_the_minute_with_their_zone():
    exact = "2030-01-02T12:00:05Z"

    assert columns.instant(NOON) == (
        f'<time class="staff-time" datetime="{exact}" title="{exact}">2030-01-02 12:00 UTC</time>'
    )
    assert columns.instant(None) == ""


def test_a_deadline_tells_how_long_is_left_or_how_late_it_is(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: NOON)
    ahead = SimpleNamespace(state_deadline_at=NOON + timedelta(minutes=5))
    past = SimpleNamespace(state_deadline_at=NOON - timedelta(hours=2))

    assert ">in 5 min<" in columns.deadline(ahead)
    assert ">2 h overdue<" in columns.deadline(past)
    assert "staff-late" in columns.deadline(past)
    assert columns.deadline(SimpleNamespace(state_deadline_at=None)) == columns.NOTHING


def test_paths_that_break_off_show_nothing():
    assert columns.field("a__b__c", "C")(SimpleNamespace(a=SimpleNamespace(b=None))) == columns.NOTHING


@pytest.mark.parametrize("name", ["srv_" + "0" * 26, "catalog.pricebook:7"])
def test_names_of_rows_lead_to_their_pages(name):
    assert columns.goto(name) == (
        f'<a class="staff-link staff-id" href="/admin/audit/auditevent/of/{name}/">{name}</a>'
    )


@pytest.mark.parametrize("name", ["demo", "system", "", "srv_short", "<b>_x", "srv_" + "0" * 26 + "\n"])
def test_other_names_are_left_as_they_are(name):
    assert columns.goto(name) == name


def test_what_is_shown_is_escaped():
    region = Region(pk=1, code="<b>", name="x")

    assert columns.linked(region) == '<a class="staff-link" href="/admin/fleet/region/1/change/">&lt;b&gt;</a>'
    assert "&lt;b&gt;" in columns.coded("<b>")
    assert "&lt;b&gt;" in columns.data("labels", "Labels")(SimpleNamespace(labels={"a": "<b>"}))
