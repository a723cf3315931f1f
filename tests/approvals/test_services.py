"""Asking for what takes two people, and deciding."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from portal.approvals.models import TEXT_LENGTH, Approval
from portal.approvals.selectors import overdue_approvals, pending_approval
from portal.approvals.services import decide, expire, request_approval, withdraw, withdraw_own
from portal.audit.models import AuditEvent
from portal.core import clock
from portal.core.actors import SYSTEM
from portal.core.errors import Forbidden, InvalidInput, StateConflict
from portal.tenancy.roles import Role
from portal.tenancy.services import issue_token
from portal.tenancy.staff import StaffRole
from tests import factories, staff
from tests.api.world import nothing_changes
from tests.approvals import deeds

pytestmark = pytest.mark.django_db


@pytest.fixture
def lead(db):
    return staff.person(StaffRole.SALES_LEAD)


def refused(kind, act):
    """Return what the refusal of an act says, and make sure that it did nothing."""
    with nothing_changes(), pytest.raises(kind) as refusal:
        act()
    return refusal.value.detail


def test_what_was_asked_is_kept_whole_and_is_not_done_yet():
    author, customer = staff.person(StaffRole.SALES), factories.organization()

    made = deeds.ask(author.as_actor(), size=3, organization=customer)

    made.refresh_from_db()
    assert (made.state, made.kind, made.subject, made.data) == ("pending", "deed", "res_1", {"size": 3})
    assert (made.requested_by, made.requester_kind, made.requester_label) == (author, "user", author.email)
    assert (made.organization, made.reason, made.decided_by) == (customer, "it is time", None)
    assert made.state_deadline_at - made.state_changed_at <= timedelta(days=7)
    event = AuditEvent.objects.get(verb="approval.requested")
    assert (event.target, event.actor_id, event.scope) == (made.public_id, author.public_id, customer.public_id)
    assert event.data == {"kind": "deed", "subject": "res_1", "reason": "it is time", "asked": {"size": 3}}
    assert not deeds.done().exists()


def test_a_second_person_approves_and_it_is_done_as_that_person(lead):
    made = deeds.ask(organization=factories.organization())

    decided = decide(actor=lead.as_actor(), approval=made, approve=True, comment=" go on ")

    made.refresh_from_db()
    assert (made.state, made.decided_by, made.comment, made.state_reason) == ("approved", lead, "go on", "go on")
    assert (decided.state, made.state_deadline_at) == ("approved", None)
    assert made.decided_at is not None
    [deed] = deeds.done()
    assert (deed.actor_id, deed.data) == (lead.public_id, {"asked_by": made.requester_label})
    step = AuditEvent.objects.get(verb="approval.state_changed")
    assert (step.actor_id, step.data["requested_by"]) == (lead.public_id, made.requester_id)


def test_what_the_deed_refuses_is_not_decided_and_says_why(lead):
    made = deeds.ask(refuses="The reservation is ended.")

    assert (
        refused(StateConflict, lambda: decide(actor=lead.as_actor(), approval=made, approve=True))
        == "The reservation is ended."
    )
    assert Approval.objects.get().state == "pending"
    assert decide(actor=lead.as_actor(), approval=made, approve=False, comment="too late").state == "rejected"


@pytest.mark.parametrize("approve", [True, False])
def test_who_asked_does_not_decide_whatever_the_role(approve):
    author = staff.person(staff.ADMINISTRATOR)
    made = deeds.ask(author.as_actor())

    said = refused(Forbidden, lambda: decide(actor=author.as_actor(), approval=made, approve=approve, comment="x"))

    assert "somebody else must decide" in said


def test_who_made_the_token_through_which_it_was_asked_does_not_decide(lead):
    token, _ = issue_token(actor=lead.as_actor(), project=factories.project(), name="ci", role=Role.OPERATOR)
    made = deeds.ask(token.as_actor())

    assert (made.requested_by, made.requester_kind, made.requester_label) == (lead, "token", "API token ci")
    refused(Forbidden, lambda: decide(actor=lead.as_actor(), approval=made, approve=True))


@pytest.mark.parametrize("who", ["system", "token"])
def test_what_no_person_asked_names_nobody_and_one_person_decides(lead, who):
    made = deeds.ask(SYSTEM if who == "system" else factories.token()[0].as_actor())

    assert (made.requested_by, made.requester_kind) == (None, who)
    assert decide(actor=lead.as_actor(), approval=made, approve=True).state == "approved"


def test_who_may_not_decide_is_told_why():
    customer = factories.organization()
    made, token = deeds.ask(organization=customer), factories.token()[0]
    member = staff.person(StaffRole.SALES)
    factories.Membership.objects.create(user=member, organization=customer, role="viewer")
    left = staff.person(StaffRole.SALES)
    left.is_active = False
    left.save()
    said = {
        "is no person of the staff": (SYSTEM, token.as_actor(), factories.user().as_actor(), left.as_actor()),
        "Your role does not decide on this: Deed": (staff.person(StaffRole.OPERATIONS).as_actor(),),
        f"You belong to {customer}": (member.as_actor(),),
    }
    for words, actors in said.items():
        for actor in actors:
            assert words in refused(Forbidden, lambda actor=actor: decide(actor=actor, approval=made, approve=True))


@pytest.mark.parametrize("comment", ["", "  \n", "x" * (TEXT_LENGTH + 1)])
def test_a_rejection_says_why(lead, comment):
    made = deeds.ask()

    refused(InvalidInput, lambda: decide(actor=lead.as_actor(), approval=made, approve=False, comment=comment))

    decide(actor=lead.as_actor(), approval=made, approve=False, comment="not now")
    assert (deeds.done().count(), deeds.done("dropped").get().data) == (0, {"state": "rejected"})


@pytest.mark.parametrize("reason", ["", " \n", "x" * (TEXT_LENGTH + 1)])
def test_a_request_says_why_and_names_a_known_kind(reason):
    asked = {"actor": SYSTEM, "subject": "res_1", "data": {}}

    refused(InvalidInput, lambda: request_approval(**asked, kind="deed", reason=reason))
    assert "'magic' is no kind" in refused(InvalidInput, lambda: request_approval(**asked, kind="magic", reason="x"))


def test_a_person_without_an_account_cannot_ask():
    ghost = factories.user().as_actor()
    factories.User.objects.all().delete()

    assert "has no account" in refused(Forbidden, lambda: deeds.ask(ghost))


def test_one_is_pending_for_a_subject(lead):
    first = deeds.ask()
    assert pending_approval("deed", "res_1") == first

    assert "waits for a decision already" in refused(StateConflict, lambda: deeds.ask(SYSTEM))
    deeds.ask(subject="res_2")
    decide(actor=lead.as_actor(), approval=first, approve=True)
    assert deeds.ask().state == "pending"


def test_who_asked_takes_it_back_and_nobody_else(lead):
    author = staff.person(StaffRole.SALES).as_actor()
    made = deeds.ask(author)

    assert "only who asked" in refused(Forbidden, lambda: withdraw_own(actor=lead.as_actor(), approval=made))
    withdraw_own(actor=author, approval=made)

    made.refresh_from_db()
    assert (made.state, made.state_reason, made.decided_by) == ("withdrawn", f"withdrawn by {author.label}", None)
    assert deeds.done("dropped").get().data == {"state": "withdrawn"}


def test_a_decision_is_made_once(lead):
    for first, act in enumerate(answers(lead)):
        made = deeds.ask(subject=f"res_{first}")
        act(made)
        for again in answers(lead):
            refused(StateConflict, lambda again=again, made=made: again(made))


def answers(lead):
    return (
        lambda row: decide(actor=lead.as_actor(), approval=row, approve=True),
        lambda row: decide(actor=lead.as_actor(), approval=row, approve=False, comment="no"),
        lambda row: withdraw(actor=SYSTEM, approval=row, reason="its subject is gone"),
    )


def test_what_nobody_decides_expires(lead):
    made = deeds.ask()
    assert (expire(approval=made), list(overdue_approvals())) == (False, [])
    Approval.objects.update(state_deadline_at=clock.now())

    said = refused(StateConflict, lambda: decide(actor=lead.as_actor(), approval=made, approve=True))
    assert "was to be decided until" in said
    assert list(overdue_approvals()) == [made]
    assert expire(approval=made)
    assert not expire(approval=made)

    made.refresh_from_db()
    assert (made.state, made.state_reason) == ("expired", "nobody decided in time")
    assert (deeds.done().count(), deeds.done("dropped").get().data) == (0, {"state": "expired"})


@pytest.mark.parametrize(
    ("constraint", "fields"),
    [
        ("approval_two_people", {"decided_by": "author"}),
        ("approval_decided_by_somebody", {"state": "approved"}),
        ("approval_rejected_with_a_comment", {"state": "rejected", "decided_by": "lead", "decided_at": "now"}),
        ("approval_state_known", {"state": "granted"}),
        ("what was asked for does not change", {"data": {"size": 900}}),
        ("what was asked for does not change", {"reason": "another"}),
        ("what was asked for does not change", {"requested_by": None}),
        ("what was asked for does not change", {"subject": "res_2"}),
    ],
)
def test_the_database_refuses(lead, constraint, fields):
    author = staff.person(StaffRole.SALES)
    made = deeds.ask(author.as_actor(), size=1)
    meant = {"author": author, "lead": lead, "now": clock.now()}
    fields = {name: meant.get(value, value) if isinstance(value, str) else value for name, value in fields.items()}

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Approval.objects.filter(pk=made.pk).update(**fields)


def test_the_database_keeps_the_history_and_who_asked():
    made = deeds.ask()

    with pytest.raises(IntegrityError, match="approvals are kept"), transaction.atomic():
        made.delete()
    anonymous = {"requester_kind": "user", "requester_id": "usr_1", "requester_label": "x", "reason": "x"}
    with pytest.raises(IntegrityError, match="approval_asked_by_a_known_person"), transaction.atomic():
        Approval.objects.create(state="pending", kind="deed", subject="res_9", **anonymous)
