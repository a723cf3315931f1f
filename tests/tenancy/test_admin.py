"""Staff and tenants: organizations, projects, members, accounts and tokens."""

import threading
from datetime import timedelta

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import Group

from portal.audit.models import AuditEvent
from portal.core import clock
from portal.core.actors import SYSTEM
from portal.core.errors import StateConflict
from portal.tenancy import services
from portal.tenancy.models import APIToken, Membership, Organization, Project, User
from portal.tenancy.roles import Role
from portal.tenancy.selectors import find_token
from portal.tenancy.staff import StaffRole, ensure_groups, role_of
from tests import factories, racing, staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def sales():
    return staff.browser(StaffRole.SALES)


def last(client):
    """Return the newest line that the record has of what the person did."""
    return AuditEvent.objects.filter(actor_id=client.person.public_id).first()


def test_a_customer_is_made_with_project_and_owner(sales):
    reply = sales.post(staff.acts_of(Organization, "new"), {"name": " Northwind  AI ", "currency": "EUR"})
    made = Organization.objects.get()
    assert (reply.url, made.name, made.currency) == (staff.page_of(made), "Northwind AI", "EUR")
    assert (last(sales).verb, last(sales).target) == ("organization.created", made.public_id)

    sales.post(staff.act_of(made, "project"), {"name": "Training"})
    reply = sales.post(staff.act_of(made, "member"), {"email": "ana@northwind.example", "name": "Ana", "role": "owner"})

    member = Membership.objects.get()
    assert reply.url == staff.page_of(member)
    assert (member.organization, member.role, member.user.name) == (made, "owner", "Ana")
    assert not member.user.has_usable_password()
    assert Project.objects.get().organization == made
    assert (last(sales).verb, last(sales).scope) == ("member.added", made.public_id)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": "", "currency": "USD"}, "name"),
        ({"name": "lumen robotics", "currency": "USD"}, "name"),
        ({"name": "a\x00b", "currency": "USD"}, "name"),
        ({"name": "x" * 81, "currency": "USD"}, "name"),
        ({"name": "x", "currency": "XAU"}, "currency"),
    ],
)
def test_a_customer_that_cannot_be_is_refused_on_the_field(sales, fields, field):
    factories.organization(name="Lumen Robotics")

    reply = sales.post(staff.acts_of(Organization, "new"), fields)

    assert reply.status_code == 422
    assert list(reply.context["form"].errors) == [field]
    assert Organization.objects.count() == 1


def test_names_of_projects_are_unique_in_a_customer(sales):
    project = factories.project(name="Training")

    reply = sales.post(staff.act_of(project.organization, "project"), {"name": "training"})

    assert "has a project named" in str(reply.context["form"].errors["name"])
    assert Project.objects.count() == 1


def test_somebody_with_an_account_keeps_it(sales):
    person, customer = factories.user("ben@example.test"), factories.organization()

    sales.post(staff.act_of(customer, "member"), {"email": "BEN@example.test", "role": "viewer"})

    assert (Membership.objects.get().user, User.objects.filter(is_staff=False).count()) == (person, 1)


@pytest.mark.parametrize(("email", "words"), [("owner@x.test", "is a member"), ("off@x.test", "is switched off")])
def test_members_that_cannot_be_added_are_refused_on_the_field(sales, email, words):
    customer = factories.organization()
    Membership.objects.create(user=factories.user("owner@x.test"), organization=customer, role=Role.OWNER)
    factories.user("off@x.test", is_active=False)

    reply = sales.post(staff.act_of(customer, "member"), {"email": email, "role": "viewer"})

    assert reply.status_code == 422
    assert words in str(reply.context["form"].errors["email"])
    assert Membership.objects.count() == 1


def test_roles_change_and_members_leave(sales):
    customer = factories.organization()
    factories.member(customer)
    other = factories.member(customer, Role.VIEWER).memberships.get()

    sales.post(staff.act_of(other, "role"), {"role": "admin"})
    other.refresh_from_db()
    assert (other.role, last(sales).data) == ("admin", {"from": "viewer", "to": "admin"})
    reply = sales.post(staff.act_of(other, "remove"))

    assert reply.url == staff.page_of(customer)
    assert list(customer.memberships.values_list("role", flat=True)) == ["owner"]
    assert (last(sales).verb, last(sales).target) == ("member.removed", other.user.public_id)


@pytest.mark.parametrize(("act", "fields"), [("remove", {}), ("role", {"role": "viewer"})])
def test_the_last_owner_stays(sales, act, fields):
    customer = factories.organization()
    owner = factories.member(customer).memberships.get()
    factories.member(customer, is_active=False)

    reply = sales.post(staff.act_of(owner, act), fields)

    owner.refresh_from_db()
    assert reply.status_code == 409
    assert "is the last owner of" in reply.content.decode()
    assert owner.role == "owner"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_guarded", [False, True])
def test_two_owners_cannot_leave_at_once(is_guarded, monkeypatch):
    customer = factories.organization()
    members = [factories.member(customer).memberships.get() for _ in range(2)]
    both_looked = threading.Barrier(2)
    check = services._keep_an_owner

    def look_then_wait(membership):
        check(membership)
        try:
            both_looked.wait(0.5 if is_guarded else racing.PATIENCE_S)
        except threading.BrokenBarrierError:
            assert is_guarded

    monkeypatch.setattr(services, "_keep_an_owner", look_then_wait)
    if not is_guarded:
        monkeypatch.setattr(services, "lock_row", lambda model, pk: model.objects.get(pk=pk))

    outcomes = racing.race(2, lambda number: services.remove_member(actor=SYSTEM, membership=members[number]))

    refused = [outcome for outcome in outcomes if isinstance(outcome, StateConflict)]
    assert (len(refused), customer.memberships.count()) == ((1, 1) if is_guarded else (0, 0))


def test_a_token_is_shown_once_and_works(sales):
    project = factories.project()

    reply = sales.post(staff.act_of(project, "token"), {"name": "ci", "role": "operator"})

    secret = reply.context["secret"].value
    token = APIToken.objects.get()
    assert reply.status_code == 200
    assert secret in reply.content.decode()
    assert "no-store" in reply.headers["Cache-Control"]
    assert (find_token(secret), token.created_by) == (token, sales.person)
    assert (last(sales).verb, secret in str(last(sales).data)) == ("api_token.issued", False)
    for address in (staff.page_of(token), staff.list_of(APIToken), staff.page_of(project), "/admin/"):
        assert secret not in sales.get(address).content.decode()


def test_a_token_that_would_be_over_is_refused_on_the_field(sales):
    project, past = factories.project(), clock.now() - timedelta(days=1)

    reply = sales.post(
        staff.act_of(project, "token"), {"name": "ci", "role": "viewer", "expires_at": f"{past:%Y-%m-%dT%H:%M}"}
    )

    assert list(reply.context["form"].errors) == ["expires_at"]
    assert APIToken.objects.count() == 0


def test_a_token_is_revoked(sales):
    token, secret = factories.token()

    sales.post(staff.act_of(token, "revoke"))

    assert find_token(secret) is None
    assert (last(sales).verb, last(sales).target) == ("api_token.revoked", token.public_id)
    assert [button["title"] for button in sales.get(staff.page_of(token)).context["actions_detail"]] == []


def test_a_new_password_is_shown_once_and_ends_sessions(sales):
    person = factories.user("ana@example.test")
    before = staff.Client()
    before.force_login(person)

    reply = sales.post(staff.act_of(person, "password"))

    password = reply.context["secret"].value
    assert password in reply.content.decode()
    assert authenticate(username=person.email, password=password) == person
    assert before.get("/").status_code == 302
    assert (last(sales).verb, last(sales).data) == ("user.password_set", {})


@pytest.mark.parametrize("fields", [{"is_staff": True}, {"is_staff": True, "is_superuser": True}, {"is_active": False}])
def test_nobody_takes_over_an_account_of_the_staff(sales, fields):
    other = factories.user(**fields)

    reply = sales.post(staff.act_of(other, "password"))

    assert reply.status_code == 409
    assert User.objects.get(pk=other.pk).password == other.password


def test_only_an_administrator_gives_staff_roles(sales):
    person = factories.user()

    assert sales.post(staff.act_of(person, "staff-role"), {"role": "Operations"}).status_code == 403
    assert sales.post(staff.act_of(sales.person, "staff-role"), {"role": "Operations"}).status_code == 403

    administrator = staff.browser()
    administrator.post(staff.act_of(person, "staff-role"), {"role": "Operations"})
    person = User.objects.get(pk=person.pk)
    assert (person.is_staff, role_of(person)) == (True, StaffRole.OPERATIONS)
    assert person.has_perm("fleet.change_server")
    assert not person.has_perm("tenancy.view_user")
    administrator.post(staff.act_of(person, "staff-role"), {"role": "none"})
    person = User.objects.get(pk=person.pk)
    assert (person.is_staff, role_of(person), person.groups.count()) == (False, None, 0)
    assert (last(administrator).verb, last(administrator).data) == ("user.staff_role_set", {"role": None})


def test_an_administrator_keeps_being_one():
    administrator = staff.browser()

    reply = administrator.post(staff.act_of(administrator.person, "staff-role"), {"role": "none"})

    assert reply.status_code == 409
    assert User.objects.get(pk=administrator.person.pk).is_staff


def test_operations_may_not_touch_tenants():
    project, operations = factories.project(), staff.browser(StaffRole.OPERATIONS)

    replies = [
        operations.post(staff.acts_of(Organization, "new"), {"name": "x", "currency": "USD"}),
        operations.post(staff.act_of(project.organization, "project"), {"name": "x"}),
        operations.post(staff.act_of(project.organization, "member"), {"email": "a@b.test", "role": "owner"}),
        operations.post(staff.act_of(project, "token"), {"name": "x", "role": "owner"}),
    ]

    assert [reply.status_code for reply in replies] == [403] * 4
    assert (Organization.objects.count(), Project.objects.count(), APIToken.objects.count()) == (1, 1, 0)


def test_groups_follow_the_table_whatever_was_done_to_them():
    sales = ensure_groups()[0]
    permissions = set(sales.permissions.values_list("codename", flat=True))
    sales.permissions.clear()

    ensure_groups()

    assert set(sales.permissions.values_list("codename", flat=True)) == permissions
    assert {"view_server", "change_reservation", "add_organization"} <= permissions
    assert not {"change_server", "change_group", "add_pricebook", "change_operation"} & permissions
    assert Group.objects.count() == len(StaffRole)


def test_the_page_of_a_customer_shows_all_that_belongs_to_it(sales):
    scope = staff.world()

    page = sales.get(staff.page_of(scope.organization)).content.decode()

    for heading in ("Projects", "Members", "Quotas", "Reservations", "Record"):
        assert f">{heading} <" in page
    assert scope.actor.label in page
    assert "reservation.created" in page
