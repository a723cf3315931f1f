"""What a customer uses is taken away by two people of the staff."""

from datetime import timedelta

import pytest

from portal.approvals.models import Approval
from portal.approvals.services import decide
from portal.audit.models import AuditEvent
from portal.core import clock
from portal.core.errors import Forbidden, InvalidInput, StateConflict
from portal.reservations.charges import Unused
from portal.reservations.models import Reservation
from portal.reservations.services.behalf import shorten_for
from portal.reservations.services.forced import KIND, ask_for_earlier_end, ask_for_release, what_it_comes_to
from portal.reservations.services.lifecycle import end_due
from portal.tenancy.staff import StaffRole
from tests import factories, staff
from tests.api.world import nothing_changes

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def people(noon):
    """Return one of the sales people, who asks, and one of operations, who decides."""
    return [staff.person(role).as_actor() for role in (StaffRole.SALES, StaffRole.OPERATIONS)]


@pytest.fixture
def active(noon):
    factories.server()
    return staff.hand_over(staff.starting(factories.buyer()))


def ask(actor, reservation, unused=Unused.FREE):
    return ask_for_release(actor=actor, reservation=reservation, reason="rack moves", unused=unused)


def test_nothing_happens_until_somebody_else_agrees(noon, people, active):
    author, other = people
    noon.move_to(active.span.start + 6 * HOUR)

    asked = ask(author, active)

    assert Reservation.objects.get().state == "active"
    assert (asked.subject, asked.data["unused"], KIND.size(asked.data)) == (
        active.public_id,
        "free",
        "1 x h100x8, the rest is free",
    )
    with nothing_changes(), pytest.raises(Forbidden):
        decide(actor=author, approval=asked, approve=True)
    noon.move_to(active.span.start + 9 * HOUR)
    assert what_it_comes_to(asked).startswith("In all it is at most USD 181.67 until ")
    decide(actor=other, approval=asked, approve=True)

    active.refresh_from_db()
    assert (active.state, active.state_reason, active.price) == ("ending", "rack moves", 180)
    told = AuditEvent.objects.get(verb="reservation.release_forced")
    assert (told.actor_id, told.target, told.data["asked_by"]) == (other.id, active.public_id, author.label)


def test_an_earlier_end_of_what_is_in_use_takes_two_people_too(people, active):
    author, other = people
    ends_at = clock.now() + 5 * HOUR
    with nothing_changes(), pytest.raises(StateConflict, match="somebody else has to agree"):
        shorten_for(actor=author, reservation=active, ends_at=ends_at, reason="x")

    asked = ask_for_earlier_end(actor=author, reservation=active, ends_at=ends_at, reason="rack moves")
    assert "ends at" in KIND.size(asked.data)
    assert what_it_comes_to(asked).startswith("In all it is USD ")
    decide(actor=other, approval=asked, approve=True)

    active.refresh_from_db()
    assert (active.state, active.span.end) == ("active", ends_at)


def test_what_ended_meanwhile_is_said_and_still_waits(noon, people, active):
    author, other = people
    asked = ask(author, active)
    noon.move_to(active.span.end)
    end_due(actor=other, reservation=active)

    with nothing_changes(), pytest.raises(StateConflict, match="only an active one can be released"):
        decide(actor=other, approval=asked, approve=True)
    assert Approval.objects.get().state == "pending"


def test_what_is_not_in_use_takes_nobody_else(people):
    factories.server()
    scheduled = factories.reservation()

    with nothing_changes():
        with pytest.raises(StateConflict):
            ask(people[0], scheduled)
        with pytest.raises(StateConflict):
            ask_for_earlier_end(
                actor=people[0], reservation=scheduled, ends_at=scheduled.span.end - HOUR, reason="rack moves"
            )


def test_an_end_that_cannot_be_is_refused_before_anybody_is_asked(people, active):
    with nothing_changes(), pytest.raises(InvalidInput):
        ask_for_earlier_end(actor=people[0], reservation=active, ends_at=active.span.end, reason="rack moves")
