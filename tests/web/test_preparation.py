"""The stage bar and the tiles, from what the selectors tell."""

import pytest

from portal.operations.models import Operation
from portal.operations.stages import STAGES
from portal.reservations.models import Reservation
from portal.reservations.selectors import Progress, StageProgress, Tile
from portal.web.preparation import planned_stages, stage_rows, tile_rows
from tests import factories


@pytest.fixture
def server(db):
    return factories.server()


def progress(server, parts, *, kind="deploy", state="running"):
    """Return the progress of an operation with ``parts``: pairs of stage (by number) and state."""
    stages = STAGES[kind]
    reached = [len(stages) if part_state == "succeeded" else place for place, part_state in parts]
    current = min(
        (place for place, part_state in parts if part_state not in ("succeeded", "failed")), default=len(stages)
    )
    return Progress(
        operation=Operation(kind=kind, state=state),
        stage="",
        done=0,
        total=len(parts),
        eta=None,
        stages=[
            StageProgress(s.name, s.title, sum(r > i for r in reached), len(parts), is_current=i == current)
            for i, s in enumerate(stages)
        ],
        tiles=[
            Tile(f"gpu-{n:02d}", server, part_state, stages[place].name, stages[place].title, 40, "It refused.")
            for n, (place, part_state) in enumerate(parts, start=1)
        ],
    )


def bar(rows):
    return [(row["note"], row["state"]) for row in rows]


def test_while_it_runs_one_stage_is_under_way(server):
    rows = stage_rows(Reservation(count=3), progress(server, [(1, "working"), (2, "awaiting"), (4, "working")]))

    assert rows[0] == {"label": "Allocated", "note": "3 servers, fabric A", "state": "done"}
    assert bar(rows[1:]) == [
        ("3 of 3", "done"),
        ("2 of 3", "now"),
        ("1 of 3", "todo"),
        ("1 of 3", "todo"),
        ("0 of 3", "todo"),
        ("0 of 3", "todo"),
    ]


def test_a_server_that_failed_marks_only_the_stage_it_failed_in(server):
    parts = [(1, "failed"), (4, "succeeded"), (4, "succeeded")]

    rows = stage_rows(Reservation(count=3), progress(server, parts, state="failed"))

    assert bar(rows[1:]) == [
        ("3 of 3", "done"),
        ("2 of 3, 1 failed", "failed"),
        ("2 of 2", "done"),
        ("2 of 2", "done"),
        ("2 of 2", "done"),
        ("2 of 2", "done"),
    ]


def test_when_all_have_failed_nothing_is_left_to_come(server):
    rows = stage_rows(Reservation(count=2), progress(server, [(0, "failed"), (0, "failed")], state="failed"))

    assert bar(rows[1:]) == [("0 of 2, 2 failed", "failed"), *[("", "todo")] * 5]


def test_a_failure_does_not_hide_that_the_others_go_on(server):
    rows = stage_rows(Reservation(count=2), progress(server, [(1, "failed"), (1, "working")]))

    assert bar(rows[1:3]) == [("2 of 2", "done"), ("0 of 2, 1 failed", "now")]


def test_taking_back_has_its_own_stages(server):
    rows = stage_rows(Reservation(count=1), progress(server, [(0, "working")], kind="release"))

    assert [row["label"] for row in rows] == [
        "Off the network",
        "Network boot",
        "Erase and read back",
        "Controller check",
        "Power off",
        "Back in the pool",
    ]


def test_before_anything_begins_the_servers_are_set_aside():
    rows = planned_stages(Reservation(count=1))

    assert rows[0] == {"label": "Allocated", "note": "1 server", "state": "done"}
    assert {row["state"] for row in rows[1:]} == {"todo"}


def test_a_tile_says_how_far_its_server_is_or_why_not(server):
    parts = [(1, "working"), (2, "failed"), (4, "succeeded"), (3, "cancelled")]

    tiles = tile_rows(progress(server, parts))

    assert [(tile["tone"], tile["percent"], tile["note"]) for tile in tiles] == [
        ("busy", 23, "OS image, 40 %"),
        ("bad", 40, "It refused."),
        ("ok", 100, "Ready"),
        ("", 56, "Called off"),
    ]
