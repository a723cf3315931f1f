"""What the page of one reservation shows: its state in words, facts, preparation, log, and how to log in."""

from datetime import datetime
from typing import Any

from django.utils.html import format_html

from portal.core import clock
from portal.fleet.certificates import certificates_of
from portal.operations.selectors import events_of
from portal.reservations.charges import cancellation_of
from portal.reservations.handover.kit import KIT
from portal.reservations.handover.reading import checked_cluster
from portal.reservations.handover.report import report_document
from portal.reservations.models import Allocation, Reservation
from portal.reservations.selectors import Progress, allocations_of, over_since, progress_of
from portal.reservations.services.lifecycle import look_at_release
from portal.reservations.services.transfer import STATES as TRANSFERABLE
from portal.reservations.states import AllocationState, ReservationState
from portal.web.changes import CHANGES
from portal.web.endings import End, end_of, time_left
from portal.web.event_log import log_lines
from portal.web.logins import key_names, login_of
from portal.web.preparation import planned_stages, stage_rows, tile_rows
from portal.web.templatetags.web import lasting, moment, rate, when
from portal.web.wording import money_text

LOG_LENGTH = 400
"""Events that the log goes back; all of them are in the API."""

QUICK = (ReservationState.PROVISIONING, ReservationState.ENDING)
"""States in which something changes every few seconds."""

SLOW = (ReservationState.HELD, ReservationState.SCHEDULED)
"""States that wait for a point in time."""

POLL_SECONDS = {**dict.fromkeys(QUICK, 2), **dict.fromkeys(SLOW, 20), ReservationState.ACTIVE: 30}
"""How often the page looks again; in the states that are not here nothing changes any more."""

CANCELLABLE = (ReservationState.SCHEDULED, ReservationState.PROVISIONING)
"""What can be called off. A hold is not: its quote is given up."""

NO_CHARGE = "You are not charged."

CERTIFIED = (
    ReservationState.ENDING,
    ReservationState.ENDED,
    ReservationState.CANCELLED,
    ReservationState.FAILED,
)
"""States in which servers are or were taken back."""

SENTENCES = {
    ReservationState.HELD: "The capacity is kept while you decide.",
    ReservationState.SCHEDULED: "Confirmed. Preparation begins in time for the start.",
    ReservationState.PROVISIONING: "The servers are being prepared.",
    ReservationState.ENDING: "The servers are being erased and taken back.",
    ReservationState.ENDED: "All servers are taken back.",
    ReservationState.CANCELLED: "Nothing was put on the servers.",
    ReservationState.EXPIRED: "The hold ran out. You are not charged.",
    ReservationState.FAILED: "You are not charged.",
}


def sentence_of(reservation: Reservation, progress: Progress | None, end: End) -> str:
    """Return the state in words: why it is so, what it means, and the stage that is under way."""
    state = ReservationState(reservation.state)
    if state == ReservationState.ACTIVE:
        return f"The servers are yours until {when(end.at)}."
    parts = [SENTENCES[state]]
    if state == ReservationState.ENDED:
        parts.insert(0, f"It ended early, {when(end.at)}." if end.is_early else "Its time is over.")
    elif state == ReservationState.CANCELLED:
        parts.append(f"You are charged {money_text(reservation.total)}." if reservation.cancellation_fee else NO_CHARGE)
    if state != ReservationState.ENDED and reservation.state_reason:
        parts.insert(0, f"{reservation.state_reason[0].upper()}{reservation.state_reason[1:]}.")
    current = next((stage.title for stage in progress.stages if stage.is_current), "") if progress else ""
    if current and state in QUICK:
        parts.append(f"Now: {current}.")
    return " ".join(parts)


def fact_rows(reservation: Reservation, end: End, eta: datetime | None) -> list[dict[str, str]]:
    """Return the facts: what, how many, from when, until when, for how much."""
    per_gpu = f"{rate(reservation.rate_per_gpu_hour, reservation.currency)}/GPU·h"
    return [
        _fact(
            "Pool", reservation.server_type.name, f"{reservation.region.code} · {reservation.get_placement_display()}"
        ),
        _fact("Servers", str(reservation.count), _server_note(reservation)),
        _fact("Starts", moment(reservation.span.start), _start_note(reservation, eta)),
        _fact(end.label, moment(end.at), end.note),
        _fact(
            "Total excl. tax",
            money_text(reservation.total),
            f"{per_gpu}, by the cancellation terms" if end.is_early else per_gpu,
        ),
    ]


def _server_note(reservation: Reservation) -> str:
    """Return what the servers are; a hold that became nothing has no image."""
    parts = [f"{reservation.gpu_count} GPUs", *([reservation.image.name] if reservation.image else [])]
    return " · ".join(parts)


def ending_terms(reservation: Reservation) -> dict[str, Any]:
    """Return what calling off, and what giving back, would come to now, where it is possible."""
    now, state = clock.now(), reservation.state
    return {
        "cancellation": cancellation_of(reservation, now) if state in CANCELLABLE else None,
        "release": look_at_release(reservation) if state == ReservationState.ACTIVE else None,
    }


def _start_note(reservation: Reservation, eta: datetime | None) -> str:
    if eta:
        return format_html("ready by {} (est.)", moment(eta))
    return f"in {lasting(time_left(reservation.span.start))}" if reservation.state in SLOW else ""


def _fact(label: str, value: str, note: str) -> dict[str, str]:
    return {"label": label, "value": value, "note": note}


def live_context(reservation: Reservation) -> dict[str, Any]:
    """Return everything that the live part of the page shows."""
    progress = progress_of(reservation)
    state = ReservationState(reservation.state)
    end = end_of(reservation, over_since([reservation.public_id]).get(reservation.public_id))
    newest = list(events_of(reservation.public_id).order_by("-pk")[: LOG_LENGTH + 1])
    allocations = list(allocations_of(reservation))
    return {
        "reservation": reservation,
        "sentence": sentence_of(reservation, progress, end),
        "badge": badge_text(state, progress),
        "facts": fact_rows(
            reservation, end, progress.eta if progress and state == ReservationState.PROVISIONING else None
        ),
        "stages": stage_rows(reservation, progress) if progress else planned_stages(reservation),
        "shows_stages": progress is not None or state in SLOW,
        "tiles": tile_rows(progress) if progress else [],
        "is_prepared": state == ReservationState.ACTIVE,
        **_failures(allocations),
        "log": log_lines(newest[:LOG_LENGTH]),
        "log_is_cut": len(newest) > LOG_LENGTH,
        "certificates": list(certificates_of(reservation.public_id)) if state in CERTIFIED else [],
        **_access(reservation, state, allocations),
        **ending_terms(reservation),
        "can_move": state in TRANSFERABLE,
        "changes": [(name, kind) for name, kind in CHANGES.items() if state in kind.states],
        "poll_seconds": POLL_SECONDS.get(state),
    }


def _failures(allocations: list[Allocation]) -> dict[str, list[Allocation]]:
    """Return whose servers could not be handed over: those without another one, and those in whose place is one."""
    latest = {item.hostname: item for item in allocations}
    failed = [item for item in allocations if item.state == AllocationState.FAILED]
    return {
        "failures": [item for item in failed if latest[item.hostname] == item],
        "replaced": [item for item in failed if latest[item.hostname].state != AllocationState.FAILED],
    }


def _access(reservation: Reservation, state: ReservationState, allocations: list[Allocation]) -> dict[str, Any]:
    """Return how to log in, now or soon."""
    serving = [item for item in allocations if item.state == AllocationState.SERVING]
    return {
        "logins": [login_of(item) for item in serving] if state == ReservationState.ACTIVE else [],
        "will_log_in": state in CANCELLABLE,
        "keys": key_names(reservation.ssh_keys),
        "was_handed_over": any(item.ready_at for item in allocations),
        **(_kit(reservation, serving) if serving and state == ReservationState.ACTIVE else {}),
    }


def _kit(reservation: Reservation, serving: list[Allocation]) -> dict[str, Any]:
    """Return the files of the hand-over kit, and what was checked before."""
    return {"kit": KIT, "report": report_document(checked_cluster(reservation, serving))}


def badge_text(state: ReservationState, progress: Progress | None) -> str:
    """Return the badge's words: while servers are worked on, how many are through."""
    word = str(state).capitalize()
    if progress is None or state not in QUICK:
        return word
    through = "ready" if state == ReservationState.PROVISIONING else "erased"
    return f"{word} · {progress.done} of {progress.total} {through}"
