"""Reading serial consoles into rows: one that somebody looks at, or all that are due. BMCs are read, never driven."""

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import httpx
from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError

from portal.fleet.models import Server
from portal.reservations.console import due_consoles
from portal.reservations.models import ConsoleCursor
from portal.reservations.services.console import keep_output, take_turn
from provisioning.credentials import Login, login_of
from provisioning.host_logger import MOST_LINES, TOO_LONG, Entries, TooLarge, Unreadable, entries_of, make_client, taken

log = logging.getLogger(__name__)

BATCH = 500
"""Most consoles that one sweep reads; the next sweep takes the rest."""
AT_ONCE = 8
BUDGET_S = 30
"""After so long a sweep begins no more reads: where BMCs do not answer, it must not still run when the next comes."""


@dataclass(frozen=True)
class Output:
    """What a read came to: where the cursor goes, and what is kept."""

    position: int
    older: int
    text: str


def read_console(allocation_pk: int) -> None:
    """Read the console of a server that somebody looks at. An error is logged and changes nothing."""
    turn = take_turn(allocation_pk=allocation_pk, only_wanted=True)
    if turn is None:
        return
    try:
        with make_client() as http:
            _keep(turn, _read(http, turn))
    except OSError as error:
        log.error("no console can be read: %s", error)


def read_consoles() -> int:
    """Read the consoles that are due, as many at a time as AT_ONCE; return how many were begun."""
    due = list(due_consoles().values_list("pk", flat=True)[:BATCH])
    if not due:
        return 0
    deadline, begun = time.monotonic() + BUDGET_S, 0
    try:
        http = make_client()
    except OSError as error:
        log.error("no console can be read: %s", error)
        return 0
    with http, ThreadPoolExecutor(AT_ONCE) as pool:
        for start in range(0, len(due), AT_ONCE):
            if time.monotonic() > deadline:
                break
            # The threads know nothing of the database.
            turns = [turn for pk in due[start : start + AT_ONCE] if (turn := take_turn(allocation_pk=pk))]
            for turn, output in zip(turns, pool.map(partial(_read, http), turns), strict=True):
                _keep(turn, output)
            begun += len(turns)
    return begun


def _read(http: httpx.Client, turn: ConsoleCursor) -> Output | None:
    """Return what is new at a BMC; None where it cannot be read."""
    server = turn.allocation.server
    try:
        return _new_output(http, turn, server, login_of(server.bmc))
    except (Unreadable, ObjectDoesNotExist, ValueError) as error:
        log.warning("%s: its console cannot be read: %s", server, error)
        return None


def _new_output(http: httpx.Client, turn: ConsoleCursor, server: Server, login: Login) -> Output:
    if turn.position is None:
        # What is there at the hand-over is the installer's and the tenant's before.
        count = entries_of(http, server, login, 0, 1).count
        return Output(count, count, "")
    start, older = turn.position, turn.older
    found = _some_lines(http, server, login, start)
    if found.count < start:
        # At least so many lines went, the oldest first: what can still be from before the hand-over is passed over.
        start = older = max(0, older - (start - found.count))
        found = _some_lines(http, server, login, start)
    text, lines = taken(found.lines)
    return Output(start + lines, older, text)


def _some_lines(http: httpx.Client, server: Server, login: Login, start: int) -> Entries:
    """Return lines from ``start`` on: as many as fit into a reply, words in its place for one that alone does not."""
    for most in (MOST_LINES, 1):
        try:
            return entries_of(http, server, login, start, most)
        except TooLarge as error:
            log.info("%s: %s lines of its console: %s", server, most, error)
    return Entries(start + 1, [TOO_LONG])


def _keep(turn: ConsoleCursor, output: Output | None) -> None:
    if output is None or (output.position, output.older) == (turn.position, turn.older):
        return
    try:
        keep_output(turn=turn, position=output.position, older=output.older, text=output.text)
    except DatabaseError:
        log.exception("%s: the output is left to the next read", turn)
