"""The end is announced once, in time, as an event and by mail; a mail server that fails holds up nobody."""

from datetime import timedelta

import pytest

from portal.audit.models import AuditEvent
from portal.core import clock
from portal.core.actors import SYSTEM
from portal.operations.selectors import events_of
from portal.reservations.models import Reservation
from portal.reservations.selectors import due_to_announce
from portal.reservations.services.notices import announce_end, notice_time
from portal.reservations.states import ReservationState
from portal.tenancy.roles import Role
from tests import factories, hands

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]

SECOND = timedelta(seconds=1)


@pytest.fixture
def reservation():
    """Return an active reservation that ends ten days from now."""
    factories.server()
    scope = factories.buyer()
    return hands.active(scope, ends_at=clock.now() + timedelta(days=10), name="train")


def announce(reservation, callbacks):
    with callbacks(execute=True):
        return announce_end(actor=SYSTEM, reservation=reservation)


def announcements(reservation):
    return [event for event in events_of(reservation.public_id) if event.type == "reservation.ending_soon"]


def test_the_end_is_announced_when_it_is_near(
    noon, reservation, mailoutbox, django_capture_on_commit_callbacks, settings
):
    organization = reservation.organization
    owner = organization.memberships.get().user
    operator = factories.member(organization, Role.OPERATOR)
    for role in (Role.VIEWER, Role.BILLING):
        factories.member(organization, role)
    factories.member(organization, Role.ADMIN, is_active=False)
    factories.member(factories.organization())
    noon.move_to(reservation.span.end - notice_time())

    assert announce(reservation, django_capture_on_commit_callbacks) is True

    (mail,) = mailoutbox
    ends_at = clock.as_rfc3339(reservation.span.end)
    assert mail.subject == f"train ends at {ends_at}"
    assert mail.to == [owner.email, operator.email]
    assert f"{settings.METALYARD_PUBLIC_URL}/reservations/{reservation.public_id}" in mail.body
    (event,) = announcements(reservation)
    assert event.message == f"The reservation ends at {ends_at}. Save your data: the disks are erased then."
    assert AuditEvent.objects.get(verb="reservation.end_announced").target == reservation.public_id
    assert Reservation.objects.get().end_announced_at == clock.now()


def test_it_is_not_announced_before_its_time(noon, reservation, mailoutbox, django_capture_on_commit_callbacks):
    noon.move_to(reservation.span.end - notice_time() - SECOND)
    assert not due_to_announce().exists()

    assert announce(reservation, django_capture_on_commit_callbacks) is False
    assert (mailoutbox, announcements(reservation)) == ([], [])

    noon.shift(SECOND)
    assert list(due_to_announce()) == [reservation]


def test_it_is_announced_once(noon, reservation, mailoutbox, django_capture_on_commit_callbacks):
    noon.move_to(reservation.span.end - notice_time())

    told = [announce(reservation, django_capture_on_commit_callbacks) for _ in range(2)]

    assert told == [True, False]
    assert (len(mailoutbox), len(announcements(reservation))) == (1, 1)
    assert not due_to_announce().exists()


@pytest.mark.parametrize("state", [state for state in ReservationState if state != ReservationState.ACTIVE])
def test_only_what_is_active_is_announced(noon, reservation, state, mailoutbox, django_capture_on_commit_callbacks):
    Reservation.objects.update(state=state)
    noon.move_to(reservation.span.end - notice_time())

    assert not due_to_announce().exists()
    assert announce(reservation, django_capture_on_commit_callbacks) is False
    assert mailoutbox == []


def test_a_mail_server_that_fails_is_logged_and_the_event_stands(
    noon, reservation, settings, caplog, django_capture_on_commit_callbacks
):
    settings.EMAIL_BACKEND = "tests.reservations.services.test_notices.Unreachable"
    noon.move_to(reservation.span.end - notice_time())

    assert announce(reservation, django_capture_on_commit_callbacks) is True

    assert len(announcements(reservation)) == 1
    assert "no route to the mail server" in caplog.text


class Unreachable:
    """A mail backend whose server cannot be reached; it fails whatever it is asked for."""

    def __init__(self, **kwargs):
        pass

    def send_messages(self, messages):
        raise OSError("no route to the mail server")
