"""Finding by query what messages, workers and machines left behind: each function is a question and a service call."""

import logging
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import TypeVar

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Model

from portal.approvals import selectors as approvals
from portal.approvals.services import expire
from portal.billing.selectors.overdue import to_remind_of
from portal.billing.services.reminding import remind
from portal.catalog import selectors as catalog
from portal.catalog.models import ImageImport
from portal.catalog.services import images
from portal.contracts.selectors import due_contracts
from portal.contracts.services.ending import move_on
from portal.core import clock
from portal.core.actors import SYSTEM
from portal.core.errors import DomainError
from portal.fleet import services as fleet
from portal.fleet.selectors import overdue_servers
from portal.operations import selectors as operations
from portal.operations.models import Operation
from portal.operations.services import claims, steps
from portal.operations.services.isolating import isolate_stray, to_isolate
from portal.operations.services.queue import MOST_GATHERING_S, wake
from portal.quotas.models import Budget
from portal.reservations import calendar
from portal.reservations import selectors as reservations
from portal.reservations.services import budgets, holds, lifecycle, notices, rebind, start, waitlist
from portal.reservations.services.networks import free_unused, unused_networks
from portal.sla.selectors import over_maintenance
from portal.sla.services.maintenance import finish_maintenance
from provisioning.catalogue import work_of
from provisioning.drive import apply_end, lock_subject

log = logging.getLogger(__name__)

Row = TypeVar("Row", bound=Model)

BATCH = 200
"""Most rows that one sweep takes on; the next sweep takes the rest."""


def _each(rows: Iterable[Row], act: Callable[[Row], object]) -> int:
    """Act on every row and return how many there were; one that refuses or fails is logged and stops no other."""
    count = 0
    for row in rows:
        count += 1
        try:
            act(row)
        except DomainError as error:
            log.warning("%s: %s", row, error.detail)
        except DatabaseError:
            log.exception("%s: left to the next sweep", row)
    return count


def wake_waiting() -> int:
    """Wake workers for operations that have something to do and that nobody holds."""
    # A fresh report has its own message, which waits for the other machines' reports.
    waiting = list(operations.waiting_operations(timedelta(seconds=MOST_GATHERING_S))[:BATCH])
    for operation in waiting:
        wake(operation.pk)
    return len(waiting)


def fetch_waiting() -> int:
    """Wake a worker for the image imports that wait, and fail those that are overdue."""
    _each(list(catalog.overdue_imports()[:BATCH]), _interrupt_import)
    waiting = list(catalog.waiting_imports()[:BATCH])
    for row in waiting[: settings.METALYARD_IMPORTS_AT_ONCE]:
        images.wake_fetcher(row.pk)
    return len(waiting)


def _interrupt_import(row: ImageImport) -> None:
    images.fail_import(actor=SYSTEM, import_pk=row.pk, code="interrupted")


def take_lost_claims_away() -> int:
    """Queue again, or fail, what a lost worker held."""
    return _each(list(operations.lost_claims()[:BATCH]), _take_away)


def _take_away(operation: Operation) -> None:
    work = work_of(operation.kind)
    claims.take_away(operation_pk=operation.pk, may_repeat=work.is_repeatable, attempts=work.attempts)


def time_out_operations() -> int:
    """End operations that took longer than they may."""
    return _each(list(operations.overdue_operations()[:BATCH]), _time_out)


@transaction.atomic
def _time_out(operation: Operation) -> None:
    lock_subject(operation)
    ended = steps.time_out(operation_pk=operation.pk)
    if ended is not None:
        apply_end(ended)


def overrun_servers() -> int:
    """Move servers whose working state is overdue, and that no open operation has, to that state's failure twin."""
    orphans = [server for server in overdue_servers()[:BATCH] if operations.open_part_of(server.pk) is None]
    return _each(orphans, lambda server: fleet.overrun(actor=SYSTEM, server=server))


def isolate_strays() -> int:
    """Take servers off networks that they have no business in, where whoever left them there did not."""
    return _each(list(to_isolate()[:BATCH]), lambda server: isolate_stray(actor=SYSTEM, server=server))


def free_networks() -> int:
    """Give up the networks of projects that have no servers in the fabric any more."""
    return _each(list(unused_networks()[:BATCH]), lambda item: free_unused(actor=SYSTEM, network=item))


def expire_approvals() -> int:
    """End what waits for a second person longer than it may."""
    return _each(list(approvals.overdue_approvals()[:BATCH]), lambda item: expire(approval=item))


def start_due() -> int:
    """Begin to prepare reservations that are due."""
    return _each(
        reservations.due_to_start()[:BATCH],
        lambda item: start.begin_provisioning(actor=SYSTEM, reservation=item),
    )


def rebind_broken() -> int:
    """Give unstarted reservations other servers for those that left the pool."""
    return rebind.rebind_broken()


def end_due() -> int:
    """End reservations whose period is over, and those whose working state is overdue."""
    due = _each(reservations.due_to_end()[:BATCH], lambda item: lifecycle.end_due(actor=SYSTEM, reservation=item))
    return due + _each(
        reservations.overdue_reservations()[:BATCH], lambda item: lifecycle.overrun(actor=SYSTEM, reservation=item)
    )


def announce_ends() -> int:
    """Announce ends that are near."""
    return _each(
        reservations.due_to_announce()[:BATCH], lambda item: notices.announce_end(actor=SYSTEM, reservation=item)
    )


def warn_of_budgets() -> int:
    """Warn of budgets that are used up."""
    return _each(Budget.objects.order_by("pk"), lambda item: budgets.warn(actor=SYSTEM, budget=item))


def send_reminders() -> int:
    """Remind of invoices that are overdue."""
    return _each(to_remind_of(clock.now()), lambda item: remind(actor=SYSTEM, invoice=item))


def expire_quotes() -> int:
    """End quotes that were not accepted in time; what they held is free again."""
    return _each(reservations.due_quotes()[:BATCH], lambda item: holds.expire_quote(actor=SYSTEM, quote=item))


def move_contracts_on() -> int:
    """Lose offers that nobody signed in time, and end contracts that are over."""
    return _each(due_contracts()[:BATCH], lambda item: move_on(contract=item))


def offer_waiting(server_type_pk: int | None = None, region_pk: int | None = None) -> int:
    """Settle the waiting list, then offer what is free; with both keys only what is of one type in one region."""
    waitlist.settle_offers()
    return waitlist.offer_waiting(server_type_pk, region_pk)


def end_maintenance() -> int:
    """Note which announced maintenance is over for all of its servers."""
    return _each(list(over_maintenance()[:BATCH]), lambda item: finish_maintenance(actor=SYSTEM, window=item))


def report_calendar_faults() -> int:
    """Log where the calendar is not what the allocations say. It is reported, never repaired silently."""
    found = calendar.faults()
    for line in found[:BATCH]:
        log.error("calendar: %s", line)
    return len(found)


def report_contradictions() -> int:
    """Log rows whose states do not fit together. They are reported, never repaired silently."""
    found = [
        *(
            f"part {part.pk} is {part.state} although {part.operation} is {part.operation.state}"
            for part in operations.contradictions()[:BATCH]
        ),
        *(
            f"{item.public_id} is {item.state} although {item.reservation.public_id} is {item.reservation.state}"
            for item in reservations.contradictions()[:BATCH]
        ),
        *(
            f"{quote} is {quote.state} although {quote.reservation} is {quote.reservation and quote.reservation.state}"
            for quote in reservations.quote_contradictions()[:BATCH]
        ),
        *(
            f"{server} is {server.state} although no reservation holds it"
            for server in reservations.orphaned_servers()[:BATCH]
        ),
    ]
    for line in found:
        log.error("contradiction: %s", line)
    return len(found)
