"""The stage bar and the tiles: how far the servers of a reservation are prepared, or taken back."""

from collections import Counter
from typing import Any

from portal.operations.stages import STAGES
from portal.operations.states import OPEN_OPERATION, OperationKind, PartState
from portal.reservations.models import Reservation
from portal.reservations.selectors import Progress, StageProgress, Tile
from portal.web.templatetags.web import counted

DONE_WORDS = {OperationKind.DEPLOY: "Ready", OperationKind.RELEASE: "Erased and returned"}

TILE_TONES = {
    PartState.SUCCEEDED: "ok",
    PartState.FAILED: "bad",
    PartState.CANCELLED: "",
}


def planned_stages(reservation: Reservation) -> list[dict[str, str]]:
    """Return the stage bar before anything has begun: the servers are set aside, the rest is to come."""
    to_come = [_row(stage.title, "", "todo") for stage in STAGES[OperationKind.DEPLOY]]
    return [_row("Allocated", counted(reservation.count, "server"), "done"), *to_come]


def stage_rows(reservation: Reservation, progress: Progress) -> list[dict[str, str]]:
    """Return the stage bar of the latest operation; a stage counts the servers that got as far as it."""
    failed_at = Counter(tile.stage for tile in progress.tiles if tile.state == PartState.FAILED)
    failed_at[progress.stages[0].name] += failed_at.pop("", 0)
    is_open = progress.operation.state in OPEN_OPERATION
    rows = []
    if progress.operation.kind == OperationKind.DEPLOY:
        rows.append(_row("Allocated", _place(reservation, progress), "done"))
    left = progress.total
    for stage in progress.stages:
        failed = failed_at[stage.name]
        note = f"{stage.done} of {left}" + (f", {failed} failed" if failed else "")
        rows.append(_row(stage.title, note if left else "", _state(stage, left, failed, is_open=is_open)))
        left -= failed
    return rows


def _row(label: str, note: str, state: str) -> dict[str, str]:
    return {"label": label, "note": note, "state": state}


def _place(reservation: Reservation, progress: Progress) -> str:
    fabrics = {tile.server.fabric.name for tile in progress.tiles}
    where = f"fabric {fabrics.pop()}" if len(fabrics) == 1 else counted(len(fabrics), "fabric")
    return f"{counted(reservation.count, 'server')}, {where}"


def _state(stage: StageProgress, left: int, failed: int, *, is_open: bool) -> str:
    through = stage.done + failed == left
    if failed and (through or not is_open):
        return "failed"
    if left and through:
        return "done"
    return "now" if is_open and stage.is_current else "todo"


def tile_rows(progress: Progress) -> list[dict[str, Any]]:
    """Return a tile per server of the latest operation; the bar counts all of its stages."""
    order = [stage.name for stage in progress.stages]
    done_word = DONE_WORDS[OperationKind(progress.operation.kind)]
    return [_tile(tile, order, done_word) for tile in progress.tiles]


def _tile(tile: Tile, order: list[str], done_word: str) -> dict[str, Any]:
    place = order.index(tile.stage) if tile.stage in order else 0
    overall = 100 if tile.state == PartState.SUCCEEDED else (place * 100 + tile.percent) // len(order)
    return {
        "id": tile.server.public_id,
        "name": tile.hostname,
        "percent": overall,
        "tone": TILE_TONES.get(PartState(tile.state), "busy" if tile.stage else "wait"),
        "note": done_word if tile.state == PartState.SUCCEEDED else _tile_note(tile),
    }


def _tile_note(tile: Tile) -> str:
    if tile.state == PartState.FAILED:
        return tile.reason
    if tile.state == PartState.CANCELLED:
        return "Called off"
    return f"{tile.stage_title}, {tile.percent} %" if tile.stage and tile.percent else tile.stage_title
