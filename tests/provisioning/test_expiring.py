"""What waits for a second person longer than it may ends by itself."""

import pytest

from portal.approvals.models import Approval
from portal.core import clock
from portal.core.errors import InvalidInput
from provisioning.reconcile import expire_approvals
from tests.approvals import deeds

pytestmark = pytest.mark.django_db


def test_what_is_overdue_expires_and_the_rest_waits():
    first, second, _ = (deeds.ask(subject=f"res_{number}") for number in range(3))
    Approval.objects.filter(pk__in=[first.pk, second.pk]).update(state_deadline_at=clock.now())

    assert (expire_approvals(), expire_approvals()) == (2, 0)
    assert list(Approval.objects.order_by("pk").values_list("state", flat=True)) == ["expired", "expired", "pending"]


def test_one_of_a_kind_that_is_gone_stops_no_other(monkeypatch):
    gone, late = deeds.ask(subject="res_1"), deeds.ask(subject="res_2")
    Approval.objects.update(state_deadline_at=clock.now())

    def first_is_gone(name):
        monkeypatch.undo()
        raise InvalidInput.of("kind", "unknown", f"{name} is gone")

    monkeypatch.setattr("portal.approvals.services.kind_of", first_is_gone)

    assert expire_approvals() == 2
    assert [row.target for row in deeds.done("dropped")] == [late.subject]
    assert Approval.objects.get(pk=gone.pk).state == "pending"
