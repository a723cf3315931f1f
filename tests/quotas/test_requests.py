"""Asking for more quota, and the answers."""

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import IntegrityError, transaction

from portal.audit.models import AuditEvent
from portal.core.errors import Forbidden, InvalidInput, NotFound, StateConflict
from portal.quotas.intents import approve_request, decline_request
from portal.quotas.models import REASON_LENGTH, Quota, QuotaRequest
from portal.quotas.services.limits import LARGEST_GPU_HOURS, LARGEST_LIMIT, request_increase, withdraw_request
from portal.tenancy.roles import Role
from portal.tenancy.staff import StaffRole
from tests import factories, staff
from tests.api.world import nothing_changes

pytestmark = pytest.mark.django_db
MAY = (Role.OWNER, Role.ADMIN, Role.OPERATOR)


@pytest.fixture
def scope(db):
    """Return a scope whose organization may hold 4 servers and use 1000 GPU-hours a month."""
    made = factories.scope()
    factories.quota(made.organization, 4, gpu_hours_per_month=1000)
    return made


@pytest.fixture
def sales(db):
    return staff.person(StaffRole.SALES).as_actor()


def ask(scope, limit=8, **kwargs):
    return factories.quota_request(scope, limit, **kwargs)


def refused(act, kind=InvalidInput):
    """Return the refusal of an act, as (field, code) pairs where there are any, and make sure that it did nothing."""
    with nothing_changes(), pytest.raises(kind) as refusal:
        act()
    return [(error.field, error.code) for error in refusal.value.errors]


def grant(request, actor, limit=8, hours=None, reason=""):
    return approve_request(actor=actor, request=request, limit=limit, gpu_hours_per_month=hours, reason=reason)


@pytest.mark.parametrize("role", list(Role))
def test_who_may_reserve_may_ask_and_withdraw(role):
    who, south = factories.scope(role), factories.region("south")
    asked = ask(factories.scope(in_project=who.project))

    if role in MAY:
        assert ask(who, region=south).state == "pending"
        assert withdraw_request(scope=who, actor=who.actor, request=asked).state == "withdrawn"
        return
    refused(lambda: ask(who, region=south), Forbidden)
    refused(lambda: withdraw_request(scope=who, actor=who.actor, request=asked), Forbidden)


def test_a_request_keeps_who_asked_for_what_and_why(scope):
    made = ask(scope, 12, gpu_hours_per_month=2000, reason=" two runs\n")

    made.refresh_from_db()
    event = AuditEvent.objects.get(verb="quota_request.created")
    assert (made.state, made.limit, made.gpu_hours_per_month, made.reason) == ("pending", 12, 2000, "two runs")
    assert (made.organization, made.project, made.applies_to) == (scope.organization, scope.project, "organization")
    assert (made.requested_by, made.requested_by_id) == (scope.actor.label, scope.actor.id)
    assert (event.verb, event.target, event.scope) == (
        "quota_request.created",
        made.public_id,
        scope.organization.public_id,
    )
    assert event.data == {
        "applies_to": "organization",
        "limit": 12,
        "gpu_hours_per_month": 2000,
        "server_type": "h100x8",
        "region": "eu-north-1",
    }


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"reason": " \n"}, ("reason", "length")),
        ({"reason": "x" * (REASON_LENGTH + 1)}, ("reason", "length")),
        ({"limit": -1}, ("limit", "out_of_range")),
        ({"limit": LARGEST_LIMIT + 1}, ("limit", "out_of_range")),
        ({"gpu_hours_per_month": LARGEST_GPU_HOURS + 1}, ("gpu_hours_per_month", "out_of_range")),
        ({"limit": 3}, ("limit", "below_present")),
        ({"limit": 4}, ("limit", "not_more")),
        ({"limit": 4, "gpu_hours_per_month": 1000}, ("limit", "not_more")),
        ({"gpu_hours_per_month": 999}, ("gpu_hours_per_month", "below_present")),
        ({"applies_to": "project"}, ("applies_to", "no_limit")),
        ({"applies_to": "world"}, ("applies_to", "unknown")),
    ],
)
def test_what_is_no_increase_is_refused_on_its_field(scope, fields, error):
    assert refused(lambda: ask(scope, **fields)) == [error]


def test_more_hours_alone_are_an_increase_but_not_where_they_have_no_limit(scope):
    assert ask(scope, 4, gpu_hours_per_month=1001).gpu_hours_per_month == 1001

    Quota.objects.update(gpu_hours_per_month=None)
    QuotaRequest.objects.all().delete()
    assert refused(lambda: ask(scope, 8, gpu_hours_per_month=5000)) == [("gpu_hours_per_month", "below_present")]


def test_a_project_has_one_pending_request_for_a_pool(scope):
    first = ask(scope)

    assert refused(lambda: ask(scope, 9)) == [("server_type", "duplicate")]
    ask(scope, region=factories.region("south"))
    ask(factories.scope(in_project=factories.project(scope.organization)))
    withdraw_request(scope=scope, actor=scope.actor, request=first)
    assert ask(scope, 9).state == "pending"


def test_another_projects_request_cannot_be_withdrawn(scope):
    asked = ask(scope)
    sister = factories.scope(in_project=factories.project(scope.organization))

    refused(lambda: withdraw_request(scope=sister, actor=sister.actor, request=asked), NotFound)


def test_approving_sets_the_limit_and_tells_those_who_asked(scope, sales, django_capture_on_commit_callbacks):
    asked = ask(scope)

    with django_capture_on_commit_callbacks(execute=True):
        quota = grant(asked, sales, limit=6, hours=3000, reason="for this quarter")

    asked.refresh_from_db()
    assert quota == Quota.objects.get()
    assert (quota.limit, quota.gpu_hours_per_month, quota.project) == (6, 3000, None)
    assert (asked.state, asked.state_reason, asked.granted_limit) == ("approved", "for this quarter", 6)
    assert asked.granted_gpu_hours_per_month == 3000
    told = AuditEvent.objects.exclude(verb__startswith="user.").order_by("pk")
    assert list(told.values_list("verb", "actor_id")) == [
        ("quota_request.created", scope.actor.id),
        ("approval.requested", scope.actor.id),
        ("approval.state_changed", sales.id),
        ("quota_request.state_changed", sales.id),
        ("quota.set", sales.id),
    ]
    [letter] = mail.outbox
    assert letter.to == [scope.organization.memberships.get().user.email]
    assert letter.subject == "Your request for more 8 x H100 in eu-north-1 is approved"
    assert "Up to 6 servers at once may be held now." in letter.body
    assert "for this quarter" in letter.body


def test_the_first_limit_of_an_organization_can_be_asked_for_and_granted(sales):
    who = factories.scope()

    assert grant(ask(who, 1), sales, limit=1).limit == 1


def test_a_request_for_the_project_sets_the_projects_limit(scope, sales):
    factories.quota(scope.organization, 2, project=scope.project)
    asked = ask(scope, 3, applies_to="project")

    grant(asked, sales, limit=3)

    assert list(Quota.objects.order_by("pk").values_list("project", "limit")) == [(None, 4), (scope.project.pk, 3)]


def test_who_asked_may_not_approve_nor_may_a_member_who_asked_through_a_token(scope, sales):
    by_token = factories.token(scope.project)[0].as_actor()
    asked = ask(scope)
    through = request_increase(
        scope=scope,
        actor=by_token,
        server_type=asked.server_type,
        region=factories.region("south"),
        limit=1,
        reason="tests",
    )
    colleague = staff.person(StaffRole.SALES)
    factories.Membership.objects.create(user=colleague, organization=scope.organization, role=Role.VIEWER)
    colleague = colleague.as_actor()

    for request, actor in [(asked, scope.actor), (asked, colleague), (through, colleague), (through, by_token)]:
        refused(lambda request=request, actor=actor: grant(request, actor), Forbidden)
    without_role = factories.user(is_staff=True).as_actor()
    refused(lambda: grant(asked, without_role), Forbidden)
    assert grant(asked, sales).limit == 8


@pytest.mark.parametrize(
    ("numbers", "error"),
    [
        ({"limit": -1}, ("limit", "out_of_range")),
        ({"limit": LARGEST_LIMIT + 1}, ("limit", "out_of_range")),
        ({"hours": 2**40}, ("gpu_hours_per_month", "out_of_range")),
        ({"limit": 3}, ("limit", "below_present")),
        ({"hours": 10}, ("gpu_hours_per_month", "below_present")),
    ],
)
def test_an_approval_never_lowers_a_limit(scope, sales, numbers, error):
    asked = ask(scope)

    assert refused(lambda: grant(asked, sales, **numbers)) == [error]


def test_declining_says_why_and_leaves_the_limit(scope, sales, django_capture_on_commit_callbacks):
    asked = ask(scope)
    assert refused(lambda: decline_request(actor=sales, request=asked, reason=" ")) == [("reason", "required")]

    with django_capture_on_commit_callbacks(execute=True):
        decline_request(actor=sales, request=asked, reason="no capacity this year ")

    asked.refresh_from_db()
    assert (asked.state, asked.state_reason, asked.granted_limit) == ("declined", "no capacity this year", None)
    assert Quota.objects.get().limit == 4
    assert "no capacity this year" in mail.outbox[0].body
    assert "may be held now" not in mail.outbox[0].body


def answers(scope, sales):
    return {
        "approved": lambda asked: grant(asked, sales),
        "declined": lambda asked: decline_request(actor=sales, request=asked, reason="no"),
        "withdrawn": lambda asked: withdraw_request(scope=scope, actor=scope.actor, request=asked),
    }


@pytest.mark.parametrize("first", ["approved", "declined", "withdrawn"])
@pytest.mark.parametrize("second", ["approved", "declined", "withdrawn"])
def test_a_request_is_answered_once(scope, sales, first, second):
    asked = ask(scope)
    stale = QuotaRequest.objects.get()
    answers(scope, sales)[first](asked)

    refused(lambda: answers(scope, sales)[second](stale), StateConflict)


def test_a_mail_server_that_does_not_answer_undoes_nothing(
    scope, sales, monkeypatch, caplog, django_capture_on_commit_callbacks
):
    def refuse(*_args):
        raise ConnectionRefusedError

    asked = ask(scope)
    monkeypatch.setattr(EmailBackend, "send_messages", refuse)
    with django_capture_on_commit_callbacks(execute=True):
        decline_request(actor=sales, request=asked, reason="no")

    asked.refresh_from_db()
    assert asked.state == "declined"
    assert f"not told by mail: the answer to {asked.public_id}" in caplog.text


def test_the_database_refuses_a_project_of_another_organization(scope):
    foreign = factories.project()

    with pytest.raises(IntegrityError, match="quota_project_is_its_own"), transaction.atomic():
        factories.quota(scope.organization, 1, in_region=factories.region("south"), project=foreign)
    asked = ask(scope)
    with pytest.raises(IntegrityError, match="quota_request_project_is_its_own"), transaction.atomic():
        QuotaRequest.objects.filter(pk=asked.pk).update(project=foreign)
    with pytest.raises(IntegrityError, match="quota_request_scope_known"), transaction.atomic():
        QuotaRequest.objects.filter(pk=asked.pk).update(applies_to="world")
