"""Telling the waiting list that servers became free."""

import logging
from dataclasses import dataclass

from celery import current_app
from django.db import connection, transaction
from kombu.exceptions import OperationalError

from portal.reservations.models import WaitlistEntry
from portal.reservations.states import WaitlistState

log = logging.getLogger(__name__)

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
        try:
            current_app.send_task(OFFER_TASK, args=[self.server_type_pk, self.region_pk], retry=False)
        except (OperationalError, OSError) as error:
            log.warning("broker not reached, the sweep will look at the waiting list: %s", error)


def wake_waiting_list(server_type_pk: int, region_pk: int) -> None:
    """Let a worker look, once this transaction is committed, whether somebody waits for such servers.

    A transaction does so once for each queue, however often it is asked.
    """
    wake = _Wake(server_type_pk, region_pk)
    # Django takes out what was put here in a savepoint that is rolled back. So what is found is lost with a savepoint
    # that is open now or not at all, and what would be added now would be lost with that one too.
    if all(kept[1] != wake for kept in connection.run_on_commit):
        transaction.on_commit(wake)
