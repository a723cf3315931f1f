"""The log: newest first, what many servers did at once as one line."""

from datetime import UTC, datetime, timedelta

import pytest

from portal.core import clock
from portal.operations.models import OperationEvent
from portal.web.event_log import duration, log_lines
from portal.web.templatetags.web import readable

AT = datetime(2026, 12, 2, 12, 0, 10, tzinfo=UTC)


def event(message, hostname="", *, ago=0.0, kind="step.verify.done", took=None):
    return OperationEvent(
        type=kind, message=message, hostname=hostname, created_at=AT - timedelta(seconds=ago), duration_ms=took
    )


def shown(events):
    return [(line.server, line.text, line.took) for line in log_lines(events)]


def test_servers_that_did_the_same_at_once_share_a_line():
    events = [event("Done.", "gpu-03", took=900), event("Done.", "gpu-02", ago=1, took=2400), event("Done.", "gpu-01")]

    assert shown(events) == [("gpu-[01-03]", "Done.", "(1 s to 2 s)")]


@pytest.mark.parametrize(
    "second",
    [
        event("Done.", "gpu-02", ago=3),
        event("Other.", "gpu-02"),
        event("Done.", "gpu-01"),
        event("Done."),
    ],
    ids=["later", "another sentence", "the same server again", "of the reservation"],
)
def test_everything_else_has_a_line_of_its_own(second):
    assert len(log_lines([event("Done.", "gpu-01"), second])) == 2


def test_the_line_keeps_the_newest_time_and_the_newest_event():
    newest, older = event("Done.", "gpu-02"), event("Done.", "gpu-01", ago=1)

    (line,) = log_lines([newest, older])

    assert (line.id, line.at) == (newest.public_id, AT)


def test_failures_stand_out_and_days_begin_with_their_date():
    lines = log_lines([event("Broken.", "gpu-01", kind="server.failed"), event("Reserved.", ago=86_400)])

    assert [(line.tone, line.new_day) for line in lines] == [("bad", True), ("", True)]


@pytest.mark.usefixtures("far_from_midnight")
def test_instants_in_sentences_read_as_everywhere_else():
    year = clock.now().year

    assert readable(f"It ends at {year}-12-03T09:05:00Z. Save.") == "It ends at 3 Dec 09:05 UTC. Save."
    assert readable("It ends at 1999-01-02T03:04:05Z.") == "It ends at 2 Jan 1999 03:04 UTC."


@pytest.mark.parametrize(
    ("ms", "words"), [(1, "1 s"), (59_400, "59 s"), (60_000, "1 min 0 s"), (252_000, "4 min 12 s")]
)
def test_durations(ms, words):
    assert duration(ms) == words
