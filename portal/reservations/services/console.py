"""Reading serial consoles: whose turn it is, what was read, and who looks on.

One at a time reads a console. Whoever takes the turn moves ``read_at``, and whoever is done moves the position from
where it was found: of two that meet in spite of that, the second keeps nothing.
"""

from datetime import timedelta
from functools import partial

from django.db import transaction
from django.db.models import Q, QuerySet

from portal.core import clock
from portal.core.waking import wake_worker
from portal.reservations.console import serving
from portal.reservations.models import Allocation, ConsoleChunk, ConsoleCursor

READ_TASK = "provisioning.read_console"
WANTED_FOR = timedelta(seconds=10)
"""How long somebody who asked once is taken to look on."""
LEAST_GAP = timedelta(seconds=1)
"""Between two reads of one console."""


@transaction.atomic
def want_console(*, allocation: Allocation) -> bool:
    """Note that somebody looks on, and let a worker read the console; tell whether one was sent for.

    However many look on, a worker is sent for once in LEAST_GAP at most. The caller has made sure that they may.
    """
    now = clock.now()
    ask_again_at = now + WANTED_FOR - LEAST_GAP
    _ensure_cursor(allocation.pk)
    asked = _cursor(allocation.pk).filter(Q(wanted_until=None) | Q(wanted_until__lte=ask_again_at))
    if not asked.update(wanted_until=now + WANTED_FOR):
        return False
    transaction.on_commit(partial(_wake_reader, allocation.pk))
    return True


@transaction.atomic
def take_turn(*, allocation_pk: int, only_wanted: bool = False) -> ConsoleCursor | None:
    """Take the turn to read a console and return how far it is read, with the server and its BMC.

    None where it is not the reader's turn: it was read within LEAST_GAP, the server is not handed over, or, with
    ``only_wanted``, nobody looks on any more.
    """
    now = clock.now()
    _ensure_cursor(allocation_pk)
    free = _cursor(allocation_pk).filter(Q(read_at=None) | Q(read_at__lte=now - LEAST_GAP))
    if only_wanted:
        free = free.filter(wanted_until__gt=now)
    if not free.update(read_at=now):
        return None
    return ConsoleCursor.objects.select_related("allocation__server__bmc").get(pk=allocation_pk)


@transaction.atomic
def keep_output(*, turn: ConsoleCursor, position: int, older: int, text: str) -> bool:
    """Move the position on from where ``turn`` found it, and keep what was read; tell whether that was done.

    It is not where another reader was faster, or the server is no longer handed over: what it writes then is ours.
    """
    moved = _cursor(turn.pk).filter(position=turn.position).update(position=position, older=older)
    if moved and text:
        ConsoleChunk.objects.create(allocation_id=turn.pk, text=text, size=len(text))
    return bool(moved)


def _cursor(allocation_pk: int) -> QuerySet[ConsoleCursor]:
    """Return the cursor of an allocation that is handed over, for an update that sees the row's newest version."""
    return ConsoleCursor.objects.filter(pk=allocation_pk, allocation__in=serving().filter(pk=allocation_pk))


def _ensure_cursor(allocation_pk: int) -> None:
    if serving().filter(pk=allocation_pk, console_cursor=None).exists():
        ConsoleCursor.objects.bulk_create([ConsoleCursor(allocation_id=allocation_pk)], ignore_conflicts=True)


def _wake_reader(allocation_pk: int) -> None:
    """Tell a worker that a console is to be read. A lost message costs one poll; a late one is worthless."""
    otherwise = f"the sweep will read console {allocation_pk}"
    wake_worker(READ_TASK, [allocation_pk], otherwise=otherwise, expires=WANTED_FOR.total_seconds())
