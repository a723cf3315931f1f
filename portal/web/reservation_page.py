"""What the page of one reservation shows: facts, stages, tiles, log and how to log in. Pure but for its selectors."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.utils.html import format_html

from portal.core import clock
from portal.operations.models import OperationEvent
from portal.operations.selectors import events_of
from portal.operations.stages import STAGES
from portal.operations.states import OPEN_OPERATION, OperationKind, PartState
from portal.reservations.models import Allocation, Reservation
from portal.reservations.selectors import Progress, Tile, allocations_of, progress_of
from portal.reservations.states import AllocationState, ReservationState
from portal.web.templatetags.web import length, moment, rate
from portal.web.wording import money_text

LOG_LENGTH = 200
SSH_PORT = 22

QUICK = (ReservationState.PROVISIONING, ReservationState.ENDING)
"""States in which something changes every few seconds."""

SLOW = (ReservationState.HELD, ReservationState.SCHEDULED)
"""States that wait for a point in time."""

POLL_SECONDS = {**dict.fromkeys(QUICK, 2), **dict.fromkeys(SLOW, 20)}

CANCELLABLE = (ReservationState.HELD, ReservationState.SCHEDULED, ReservationState.PROVISIONING)

SENTENCES = {
    ReservationState.HELD: "The capacity is kept while you decide.",
    ReservationState.SCHEDULED: "Confirmed. Preparation begins in time for the start.",
    ReservationState.PROVISIONING: "The servers are being prepared.",
    ReservationState.ACTIVE: "The servers are yours.",
    ReservationState.ENDING: "The servers are being erased and taken back.",
    ReservationState.ENDED: "Over. All servers are taken back.",
    ReservationState.CANCELLED: "Cancelled before it began.",
    ReservationState.EXPIRED: "The hold ran out.",
    ReservationState.FAILED: "No server could be handed over. You are not charged.",
}

DONE_WORDS = {OperationKind.DEPLOY: "Ready", OperationKind.RELEASE: "Erased and returned"}

BAD_EVENTS = ("reservation.failed", "server.failed", "server.quarantined")

TILE_TONES = {
    PartState.SUCCEEDED: "ok",
    PartState.FAILED: "bad",
    PartState.CANCELLED: "",
}


@dataclass(frozen=True)
class Login:
    """How to log in to one server, and the lines that prove that it is that server."""

    id: str
    hostname: str
    command: str
    known_hosts: Sequence[str]


def address_of(allocation: Allocation) -> str:
    """Return the server's address as known_hosts writes it: with the port only where it is not 22 (sshd(8))."""
    server = allocation.server
    return server.ssh_host if server.ssh_port == SSH_PORT else f"[{server.ssh_host}]:{server.ssh_port}"


def login_of(allocation: Allocation) -> Login:
    """Return the ssh line and the known_hosts lines of a handed-over server."""
    server = allocation.server
    return Login(
        id=server.public_id,
        hostname=allocation.hostname,
        command=f"ssh -p {server.ssh_port} {allocation.ssh_user}@{server.ssh_host}",
        known_hosts=[f"{address_of(allocation)} {key}" for key in allocation.host_keys],
    )


def fact_rows(reservation: Reservation, eta: datetime | None) -> list[dict[str, str]]:
    """Return the facts: what, how many, from when, until when, for how much."""
    span = reservation.span
    left = time_left(span.end) if reservation.state == ReservationState.ACTIVE else None
    return [
        _fact(
            "Pool", reservation.server_type.name, f"{reservation.region.code} · {reservation.get_placement_display()}"
        ),
        _fact("Servers", str(reservation.count), f"{reservation.gpu_count} GPUs · {reservation.image.name}"),
        _fact("Starts", moment(span.start), format_html("ready by {} (est.)", moment(eta)) if eta else ""),
        _fact("Ends", moment(span.end), f"in {length(left)}" if left is not None else ""),
        _fact(
            "Total excl. tax",
            money_text(reservation.total),
            f"{rate(reservation.rate_per_gpu_hour, reservation.currency)}/GPU·h",
        ),
    ]


def _fact(label: str, value: str, note: str) -> dict[str, str]:
    return {"label": label, "value": value, "note": note}


def stage_rows(reservation: Reservation, progress: Progress | None) -> list[dict[str, str]]:
    """Return the stage bar: before the first operation the stages to come."""
    servers = f"{reservation.count} server{'s' if reservation.count > 1 else ''}"
    if progress is None:
        if reservation.state not in SLOW:
            return []
        planned = [{"label": stage.title, "note": "", "state": "todo"} for stage in STAGES[OperationKind.DEPLOY]]
        return [{"label": "Allocated", "note": servers, "state": "done"}, *planned]
    is_open = progress.operation.state in OPEN_OPERATION
    return [
        {"label": stage.title, "note": f"{stage.done} of {stage.total}", "state": _stage_state(stage, is_open=is_open)}
        for stage in progress.stages
    ]


def _stage_state(stage: Any, *, is_open: bool) -> str:
    if stage.done == stage.total:
        return "done"
    if not is_open:
        return "failed"
    return "now" if stage.is_current else "todo"


def tile_rows(progress: Progress | None) -> list[dict[str, Any]]:
    """Return a tile per server of the latest operation; the bar counts all of its stages."""
    if progress is None:
        return []
    order = [stage.name for stage in progress.stages]
    kind = OperationKind(progress.operation.kind)
    return [_tile(tile, order, DONE_WORDS[kind]) for tile in progress.tiles]


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


def log_rows(events: Sequence[OperationEvent]) -> list[dict[str, Any]]:
    """Return the log, newest first as given; ``new_day`` marks where the date changes."""
    rows: list[dict[str, Any]] = []
    day: date | None = None
    for event in events:
        changed = event.created_at.date() != day
        day = event.created_at.date()
        rows.append(
            {
                "id": event.public_id,
                "at": event.created_at,
                "server": event.hostname,
                "text": event.message + _took(event.duration_ms),
                "tone": "bad" if event.type in BAD_EVENTS else "",
                "new_day": changed,
            }
        )
    return rows


def _took(duration_ms: int | None) -> str:
    if not duration_ms:
        return ""
    minutes, seconds = divmod(round(duration_ms / 1000), 60)
    return f" ({minutes} min {seconds} s)" if minutes else f" ({max(1, seconds)} s)"


def live_context(reservation: Reservation) -> dict[str, Any]:
    """Return everything that the live part of the page shows."""
    progress = progress_of(reservation)
    state = ReservationState(reservation.state)
    newest = list(events_of(reservation.public_id).order_by("-pk")[:LOG_LENGTH])
    serving = [item for item in allocations_of(reservation) if item.state == AllocationState.SERVING]
    return {
        "reservation": reservation,
        "sentence": SENTENCES[state],
        "badge": badge_text(state, reservation, progress),
        "facts": fact_rows(reservation, progress.eta if progress and state == ReservationState.PROVISIONING else None),
        "stages": stage_rows(reservation, progress),
        "tiles": tile_rows(progress),
        "log": log_rows(newest),
        "logins": [login_of(item) for item in serving] if state == ReservationState.ACTIVE else [],
        "poll_seconds": POLL_SECONDS.get(state),
    }


def badge_text(state: ReservationState, reservation: Reservation, progress: Progress | None) -> str:
    """Return the badge's words: while servers are worked on, how many are through."""
    word = str(state).capitalize()
    if progress is None or state not in QUICK:
        return word
    through = "ready" if state == ReservationState.PROVISIONING else "erased"
    return f"{word} · {progress.done} of {progress.total} {through}"


def time_left(end: datetime) -> timedelta:
    """Return how long it is to ``end``, at least nothing."""
    return max(end - clock.now(), timedelta(0))
