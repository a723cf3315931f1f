"""Work in a transaction that is done anew where that is all it takes: nobody has to hear of a deadlock.

Whoever opens the outermost transaction of a request does so in ``repeated``. What the work meets and cannot settle
under its own locks - a hold that has run out, a booking that can move - is put ``aside``: all of the work is rolled
back, that step is done in transactions of its own, and the work begins again. Done in place it would take its locks
after those of the work, which is not the order in which others take them.
"""

import time
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial, wraps
from typing import Any, ParamSpec, TypeVar

from django.db import OperationalError, connection, transaction
from psycopg.errors import DeadlockDetected, SerializationFailure
from psycopg.pq import TransactionStatus

ATTEMPTS = 4
"""How often work is begun that is the victim of a deadlock each time."""
PAUSE_S = 0.05
_MAY_SUCCEED = (DeadlockDetected, SerializationFailure)

Made = TypeVar("Made")
Given = ParamSpec("Given")
_settled: ContextVar[dict[str, bool] | None] = ContextVar("settled", default=None)


class _Aside(Exception):
    """Asks for a step outside of the transaction."""

    def __init__(self, name: str, step: Callable[[], bool]) -> None:
        super().__init__(name)
        self.name, self.step = name, step


def is_victim(error: BaseException) -> bool:
    """Tell whether the database gave up what raised this in favour of others: another try may well succeed."""
    return isinstance(error, OperationalError) and isinstance(error.__cause__, _MAY_SUCCEED)


def repeated(work: Callable[[], Made], *, is_rehearsal: bool = False) -> Made:
    """Do ``work``, which opens the transaction, as often as it takes; return what it returns.

    Raises what ``work`` raises, and OperationalError where each of ATTEMPTS met a deadlock. Either way nothing of the
    work is left. A rehearsal rolls back what it does: its steps aside stay inside of it, or they would be what it left.
    """
    settled: dict[str, bool] = {}
    token, deadlocks, due = _settled.set(None if is_rehearsal else settled), 0, None
    try:
        while True:
            try:
                if due is not None:
                    settled[due.name] = due.step()
                    due = None
                return work()
            except _Aside as found:
                due = found
            except OperationalError as error:
                deadlocks += 1
                if deadlocks == ATTEMPTS or not is_victim(error):
                    raise
                time.sleep(PAUSE_S * deadlocks)
    finally:
        _settled.reset(token)


def aside(name: str, step: Callable[[], bool]) -> bool:
    """Do a step outside of the transaction that is open, once per ``name``, and return what it returned.

    In a transaction that nobody repeats, in a rehearsal, and outside of any transaction it is done in place.
    """
    settled = _settled.get()
    if settled is None or not connection.in_atomic_block:
        return step()
    if name not in settled:
        raise _Aside(name, step)
    return settled[name]


def undone(name: str, work: Callable[[], Made], *, anew: type[Exception], unwritten: type[Exception]) -> Made:
    """Do ``work`` so that it is undone where it fails, and return what it returns; raises what it raises.

    That takes a savepoint, which is two statements, and hardly ever does anybody need it. So a transaction that is
    repeated does without one at first, and is begun anew with it, once per ``name``, where the work raises ``anew``.
    ``unwritten`` is raised before anything is written, unless by a statement that failed; after anything else nobody
    can go on.
    """
    settled = _settled.get()
    if settled is None or not connection.in_atomic_block or name in settled:
        with transaction.atomic():
            return work()
    try:
        return work()
    except (anew, unwritten) as error:
        if isinstance(error, anew) or _is_broken():
            raise _Aside(name, lambda: True) from error
        raise
    except Exception:
        transaction.set_rollback(True)
        raise


def _is_broken() -> bool:
    """Tell whether a statement of the open transaction has failed, so that it can only be rolled back."""
    session: Any = connection.connection
    return bool(session.info.transaction_status == TransactionStatus.INERROR)


def repeatable(service: Callable[Given, Made]) -> Callable[Given, Made]:
    """Let a service that is called outside of a transaction be ``repeated``; inside of one, its owner sees to that."""

    @wraps(service)
    def call(*args: Given.args, **kwargs: Given.kwargs) -> Made:
        if connection.in_atomic_block:
            return service(*args, **kwargs)
        return repeated(partial(service, *args, **kwargs))

    return call
