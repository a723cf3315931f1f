"""Telling the waiting list that servers became free."""

from dataclasses import dataclass

from django.db import connection, transaction

from portal.core.waking import Queue, wake_worker
from portal.reservations.models import WaitlistEntry
from portal.reservations.states import WaitlistState

OFFER_TASK = "provisioning.offer_waiting"


@dataclass(frozen=True)
class _Wake:
    """What is done on commit for one queue. Two for the same queue are equal."""

    server_type_pk: int
    region_pk: int

    def __call__(self) -> None:
        queue = {"server_type": self.server_type_pk, "region": self.region_pk}
        if not WaitlistEntry.objects.filter(state=WaitlistState.WAITING, **queue).exists():
            return
        args = [self.server_type_pk, self.region_pk]
        wake_worker(OFFER_TASK, args, otherwise="the sweep will look at the waiting list", queue=Queue.SWEEPS)


def wake_waiting_list(server_type_pk: int, region_pk: int) -> None:
    """Let a worker look, once this transaction is committed, whether somebody waits for such servers.

    A transaction does so once for each queue, however often it is asked.
    """
    wake = _Wake(server_type_pk, region_pk)
    # Django takes out what was put here in a savepoint that is rolled back. So what is found is lost with a savepoint
    # that is open now or not at all, and what would be added now would be lost with that one too.
    if all(kept[1] != wake for kept in connection.run_on_commit):
        transaction.on_commit(wake)
