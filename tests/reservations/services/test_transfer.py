"""From one project of an organization to another one: everything goes along, and nothing else changes."""

from datetime import timedelta

import pytest

from portal.audit.models import AuditEvent
from portal.core.errors import Forbidden, InvalidInput, NotFound, QuotaExceeded, StateConflict
from portal.operations.selectors import events_of, operations_of
from portal.reservations.models import Allocation, Quote, Reservation
from portal.reservations.selectors import reservations_of
from portal.reservations.services.lifecycle import release
from portal.reservations.services.quotes import accept
from portal.reservations.services.transfer import transfer
from portal.reservations.states import ReservationState
from portal.tenancy.roles import MAY, Role, Verb
from portal.tenancy.scope import Scope
from portal.tenancy.selectors import scope_of_token
from tests import factories, hands
from tests.reservations.calendars import bare_reservation, snapshot

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon", "nothing_contradicts")]

HOUR = timedelta(hours=1)
R = ReservationState


def give(scope, reservation, to):
    return transfer(scope=scope, actor=scope.actor, reservation=reservation, to=to)


def refused(kind, act, *args, **kwargs):
    """Return the refusal of an act, after which nothing has changed."""
    before = snapshot()
    with pytest.raises(kind) as caught:
        act(*args, **kwargs)
    assert snapshot() == before
    return caught.value


def test_an_active_one_goes_on_in_the_other_project_as_it_is():
    scope = factories.buyer()
    factories.server()
    target = factories.project(scope.organization, "science")
    reservation = hands.active(scope, name="train")
    before = list(Allocation.objects.values())
    source = scope.project

    made = give(scope, reservation, target)

    made.refresh_from_db()
    there = Scope(scope.actor, target, scope.role)
    assert (made.project, made.name, made.state, made.price) == (target, "train", R.ACTIVE, reservation.price)
    assert made.ssh_keys == reservation.ssh_keys
    assert list(Allocation.objects.values()) == before
    assert list(reservations_of(there)) == [made]
    assert [operation.subject for operation in operations_of(there)] == [made.public_id]
    assert not reservations_of(scope).exists()
    assert not operations_of(scope).exists()
    assert events_of(made.public_id).last().message == (
        f"The reservation was transferred from project {source.name} to project science."
    )
    rows = AuditEvent.objects.order_by("-pk")[:3]
    assert [(row.verb, row.target) for row in rows] == [
        ("project.reservation_received", target.public_id),
        ("project.reservation_given", source.public_id),
        ("reservation.transferred", made.public_id),
    ]
    assert {row.scope for row in rows} == {scope.organization.public_id}

    ended = release(scope=there, actor=there.actor, reservation=made)
    assert ended.state == R.ENDING
    with pytest.raises(NotFound):
        release(scope=scope, actor=scope.actor, reservation=made)


def test_the_quote_that_it_came_of_goes_along():
    scope = factories.buyer()
    quote = factories.hold(scope)
    made = accept(scope=scope, actor=scope.actor, quote=quote, particulars=factories.particulars(scope))
    target = factories.project(scope.organization)

    give(scope, made, target)

    assert Quote.objects.get().project == target


def test_the_limit_of_the_other_project_must_allow_it():
    scope = factories.buyer()
    factories.servers(3)
    target = factories.project(scope.organization)
    factories.quota(scope.organization, 2, project=target)
    reservation = factories.reservation(scope, count=2)
    bare_reservation(project=target, period=reservation.period)

    error = refused(QuotaExceeded, give, scope, reservation, target)

    assert (error.extra["scope"], error.extra["limit"], error.extra["used"]) == ("project", 2, 1)
    Reservation.objects.filter(project=target).update(state=R.CANCELLED)
    assert give(scope, reservation, target).project == target


def test_the_limit_of_the_organization_counts_it_once():
    scope = factories.buyer(limit=1)
    factories.server()

    assert give(scope, factories.reservation(scope), factories.project(scope.organization)).count == 1


def test_a_name_that_the_other_project_uses_is_refused():
    scope = factories.buyer()
    factories.server()
    target = factories.project(scope.organization)
    reservation = factories.reservation(scope, name="train")
    bare_reservation(project=target, name="TRAIN".lower())

    error = refused(InvalidInput, give, scope, reservation, target)

    assert [(item.field, item.code) for item in error.errors] == [("name", "duplicate")]


def test_its_own_project_and_another_organizations_are_no_targets():
    scope = factories.buyer()
    factories.server()
    reservation = factories.reservation(scope)

    error = refused(InvalidInput, give, scope, reservation, scope.project)
    refused(NotFound, give, scope, reservation, factories.project())

    assert [(item.field, item.code) for item in error.errors] == [("project", "same")]


def test_who_is_not_of_its_project_does_not_see_it():
    factories.server()
    reservation = factories.reservation()
    sister = factories.scope(in_project=factories.project(reservation.organization))

    for who in (sister, factories.scope()):
        refused(NotFound, give, who, reservation, who.project)


@pytest.mark.parametrize("role", Role)
def test_only_roles_that_may_reserve_give(role):
    scope = factories.buyer()
    factories.server()
    reservation = factories.reservation(scope)
    target = factories.project(scope.organization)
    other = Scope(scope.actor, scope.project, role)

    if Verb.RESERVE in MAY[role]:
        assert give(other, reservation, target).project == target
    else:
        refused(Forbidden, give, other, reservation, target)


def test_a_token_acts_for_its_own_project_alone():
    scope = factories.buyer()
    factories.server()
    reservation = factories.reservation(scope)
    token, _ = factories.token(scope.project, Role.OWNER)

    refused(Forbidden, give, scope_of_token(token), reservation, factories.project(scope.organization))


@pytest.mark.parametrize("state", sorted(set(R) - {R.SCHEDULED, R.ACTIVE}))
def test_only_what_waits_or_is_active_is_given(state):
    scope = factories.buyer()
    reservation = bare_reservation(state, project=scope.project)

    error = refused(StateConflict, give, scope, reservation, factories.project(scope.organization))

    assert error.extra == {"state": state}
