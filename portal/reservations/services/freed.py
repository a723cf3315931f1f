"""Telling the waiting list that servers became free."""

import logging
from functools import partial

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

from portal.reservations.models import WaitlistEntry
from portal.reservations.states import WaitlistState

log = logging.getLogger(__name__)

OFFER_TASK = "provisioning.offer_waiting"


def wake_waiting_list(server_type_pk: int, region_pk: int) -> None:
    """Let a worker look, once this transaction is committed, whether somebody waits for such servers."""
    transaction.on_commit(partial(_wake, server_type_pk, region_pk))


def _wake(server_type_pk: int, region_pk: int) -> None:
    waiting = WaitlistEntry.objects.filter(server_type=server_type_pk, region=region_pk, state=WaitlistState.WAITING)
    if not waiting.exists():
        return
    try:
        current_app.send_task(OFFER_TASK, args=[server_type_pk, region_pk], retry=False)
    except (OperationalError, OSError) as error:
        log.warning("broker not reached, the sweep will look at the waiting list: %s", error)
