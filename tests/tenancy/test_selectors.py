"""Questions about tenants never look across them."""

import pytest

from portal.core.errors import NotFound
from portal.tenancy.models import Membership
from portal.tenancy.roles import Role
from portal.tenancy.selectors import notification_addresses, projects_of, scope_of_user, ssh_key_of, ssh_keys_of
from tests import factories

pytestmark = pytest.mark.django_db


def test_keys_are_those_of_the_project_by_name():
    scope = factories.scope()
    late, early = (factories.ssh_key(scope.project, name=name) for name in ("beta", "alpha"))
    sister = factories.ssh_key(factories.project(scope.organization))
    foreign = factories.ssh_key(factories.project())

    assert list(ssh_keys_of(scope)) == [early, late]
    assert ssh_key_of(scope, late.public_id) == late
    for public_id in (sister.public_id, foreign.public_id, "key_nothing", ""):
        with pytest.raises(NotFound):
            ssh_key_of(scope, public_id)


def test_a_person_works_in_the_projects_of_the_own_organizations():
    scope = factories.scope(Role.VIEWER)
    person = Membership.objects.get().user
    sister = factories.project(scope.organization)
    foreign = factories.project()

    assert set(projects_of(person)) == {scope.project, sister}
    for public_id in (foreign.public_id, "prj_nothing"):
        with pytest.raises(NotFound, match="no such project"):
            scope_of_user(person, public_id)


def test_the_scope_has_the_role_that_the_person_has_there():
    first = factories.scope(Role.OWNER)
    person = Membership.objects.get().user
    second = factories.project()
    Membership.objects.create(user=person, organization=second.organization, role=Role.BILLING)

    found = {home: scope_of_user(person, home.public_id, "req_12345678") for home in (first.project, second)}

    assert {home: scope.role for home, scope in found.items()} == {first.project: Role.OWNER, second: Role.BILLING}
    assert all(scope.project == home for home, scope in found.items())
    assert all(scope.actor == person.as_actor("req_12345678") for scope in found.values())


def test_a_person_without_a_project_has_no_scope():
    with pytest.raises(NotFound, match="Ask an owner"):
        scope_of_user(factories.user())


def test_those_who_run_reservations_are_notified_and_nobody_else():
    home = factories.project()
    invited = [factories.member(home.organization, role) for role in Role]
    factories.member(home.organization, Role.OWNER, is_active=False)
    factories.member(factories.organization(), Role.OWNER)

    addresses = notification_addresses(home)

    wanted = {Role.OWNER, Role.ADMIN, Role.OPERATOR}
    assert addresses == [person.email for person, role in zip(invited, Role, strict=True) if role in wanted]


def test_a_member_of_two_organizations_is_told_once():
    home = factories.project()
    person = factories.member(home.organization)
    Membership.objects.create(user=person, organization=factories.organization(), role=Role.OWNER)

    assert notification_addresses(home) == [person.email]
