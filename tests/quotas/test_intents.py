"""Requests for quota in the queue of what takes two people."""

import pytest
from django.core import mail

from portal.approvals.models import Approval
from portal.approvals.services import decide, expire
from portal.core import clock
from portal.quotas.models import Quota
from portal.quotas.services.limits import withdraw_request
from portal.tenancy.staff import StaffRole
from tests import factories, staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def scope(db):
    made = factories.scope()
    factories.quota(made.organization, 4, gpu_hours_per_month=1000)
    return made


@pytest.fixture
def sales(db):
    return staff.person(StaffRole.SALES).as_actor()


def test_a_request_waits_in_the_queue_in_the_name_of_who_asked(scope):
    asked = factories.quota_request(scope, 8)

    approval = Approval.objects.get()
    assert (approval.kind, approval.subject, approval.organization) == (
        "quota_increase",
        asked.public_id,
        scope.organization,
    )
    assert (approval.requested_by.public_id, approval.reason) == (scope.actor.id, asked.reason)
    assert approval.data == {
        "server_type": "h100x8",
        "region": "eu-north-1",
        "limit": 8,
        "gpu_hours_per_month": None,
        "project": None,
    }


def test_approved_in_the_queue_it_is_granted_as_asked_for(scope, sales, django_capture_on_commit_callbacks):
    asked = factories.quota_request(scope, 8)

    with django_capture_on_commit_callbacks(execute=True):
        decide(actor=sales, approval=Approval.objects.get(), approve=True, comment="until May")

    asked.refresh_from_db()
    assert (asked.state, asked.state_reason, asked.granted_limit) == ("approved", "until May", 8)
    assert list(Quota.objects.values_list("limit", "gpu_hours_per_month")) == [(8, 1000)]
    assert "Up to 8 servers at once" in mail.outbox[0].body


@pytest.mark.parametrize(("way", "reason"), [("rejected", "no capacity"), ("expired", "nobody decided in time")])
def test_what_is_not_approved_is_declined_and_told(scope, sales, way, reason, django_capture_on_commit_callbacks):
    asked = factories.quota_request(scope, 8)
    with django_capture_on_commit_callbacks(execute=True):
        if way == "rejected":
            decide(actor=sales, approval=Approval.objects.get(), approve=False, comment=reason)
        else:
            Approval.objects.update(state_deadline_at=clock.now())
            expire(approval=Approval.objects.get())

    asked.refresh_from_db()
    assert (asked.state, asked.state_reason, Approval.objects.get().state) == ("declined", reason, way)
    assert Quota.objects.get().limit == 4
    assert reason in mail.outbox[0].body


def test_what_the_customer_withdraws_leaves_the_queue(scope):
    asked = factories.quota_request(scope, 8)

    withdraw_request(scope=scope, actor=scope.actor, request=asked)

    assert Approval.objects.get().state == "withdrawn"
    assert mail.outbox == []
