"""If-Match while somebody else changes the object."""

import threading

import pytest
from django.db import transaction

from portal.core.locks import lock_row
from portal.reservations.models import Reservation
from portal.tenancy.models import SSHKey
from tests import factories, racing
from tests.api.client import Api, assert_problem
from tests.api.conftest import buyer_with_servers

pytestmark = pytest.mark.django_db(transaction=True)


def send_while_held(row, change, send):
    """Send a request that meets a locked row, then change the row and let go; return the reply."""
    held, go_on = threading.Event(), threading.Event()

    def hold():
        with transaction.atomic():
            lock_row(type(row), row.pk)
            held.set()
            assert go_on.wait(racing.PATIENCE_S)
            change()

    holder = racing.Runner(hold)
    assert held.wait(racing.PATIENCE_S)
    sender = racing.Runner(send)
    racing.await_blocked(1)
    go_on.set()
    assert holder.result() is None
    return sender.result()


def test_the_comparison_waits_for_whoever_is_changing_it():
    buyer = buyer_with_servers()
    api = Api.of(buyer.project)
    row = factories.reservation(buyer)
    address = f"/reservations/{row.public_id}"
    seen = api.get(address).headers["ETag"]

    reply = send_while_held(
        row,
        lambda: Reservation.objects.update(labels={"changed": "meanwhile"}),
        lambda: api.post(f"{address}/cancel", **{"If-Match": seen}),
    )

    assert_problem(reply, 412, "precondition_failed")
    assert Reservation.objects.get().state == "scheduled"


def test_a_key_that_goes_meanwhile_is_not_found():
    buyer = factories.buyer()
    api = Api.of(buyer.project)
    row = SSHKey.objects.get()
    address = f"/ssh-keys/{row.public_id}"
    seen = api.get(address).headers["ETag"]

    reply = send_while_held(
        row, lambda: SSHKey.objects.all().delete(), lambda: api.delete(address, **{"If-Match": seen})
    )

    assert_problem(reply, 404, "not_found")
