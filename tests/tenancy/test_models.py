"""What the database says about tenants, whoever writes."""

import pytest
from django.contrib.auth import authenticate
from django.db import IntegrityError, connection, transaction

from portal.tenancy.models import APIToken, Membership, Organization, Project, SSHKey, User
from portal.tenancy.roles import Role
from tests import factories

pytestmark = pytest.mark.django_db


def refused(constraint):
    """Expect the database to refuse by that constraint."""
    return pytest.raises(IntegrityError, match=constraint)


@pytest.mark.parametrize("email", ["ana@example.test", "ANA@example.test", "Ana@EXAMPLE.test"])
def test_an_address_has_one_account_whatever_its_case(email):
    first = factories.user("ana@example.test")

    with refused("user_email_once|tenancy_user_email_key"), transaction.atomic():
        factories.user(email)

    assert list(User.objects.all()) == [first]


@pytest.mark.parametrize("typed", ["ana@example.test", "ANA@Example.Test"])
def test_one_logs_in_with_the_address_in_any_case(typed):
    person = factories.user("Ana@example.test")

    assert authenticate(username=typed, password=factories.PASSWORD) == person
    assert authenticate(username=typed, password="wrong") is None


def test_an_account_needs_an_address():
    with pytest.raises(ValueError, match="needs an e-mail address"):
        User.objects.create_user("")

    assert not User.objects.exists()


def test_without_a_password_nobody_logs_in():
    person = User.objects.create_user("new@example.test")

    assert not person.has_usable_password()
    assert authenticate(username=person.email, password="") is None


def test_a_superuser_is_staff():
    person = User.objects.create_superuser("root@example.test", factories.PASSWORD)

    assert (person.is_staff, person.is_superuser) == (True, True)


def test_names_are_had_once_whatever_their_case():
    home = factories.project(factories.organization("Lumen"), "Training")
    key = factories.ssh_key(home, name="Laptop")

    with refused("organization_name_once"), transaction.atomic():
        factories.organization("LUMEN")
    with refused("project_name_once"), transaction.atomic():
        factories.project(home.organization, "training")
    with refused("ssh_key_name_once"), transaction.atomic():
        factories.ssh_key(home, name="laptop")
    with refused("ssh_key_once"), transaction.atomic():
        factories.ssh_key(home, fingerprint=key.fingerprint)
    factories.project(name="Training")

    assert (Organization.objects.count(), Project.objects.count(), SSHKey.objects.count()) == (2, 2, 1)


def test_a_person_has_one_role_in_an_organization():
    home = factories.organization()
    person = factories.member(home)

    with refused("membership_once"), transaction.atomic():
        Membership.objects.create(user=person, organization=home, role=Role.VIEWER)

    assert Membership.objects.get().role == Role.OWNER


@pytest.mark.parametrize(
    "model, constraint", [(Membership, "membership_role_known"), (APIToken, "api_token_role_known")]
)
def test_unknown_roles_are_refused(model, constraint):
    home = factories.project()
    factories.member(home.organization, Role.VIEWER)
    factories.token(home, Role.VIEWER)

    with refused(constraint), transaction.atomic():
        model.objects.update(role="emperor")

    assert model.objects.get().role == Role.VIEWER


@pytest.mark.parametrize("char", ["\n", "\r", "\t", "\x1b"])
def test_a_public_key_is_one_line_also_by_raw_sql(char):
    key = factories.ssh_key(factories.project())

    with refused("ssh_key_is_one_line"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE tenancy_sshkey SET public_key = %s", [f"ssh-ed25519 AAAA{char}ssh-rsa BBBB"])

    key.refresh_from_db()
    assert key.public_key == factories.KEY


@pytest.mark.parametrize("currency", ["XXX", "usd", ""])
def test_an_organization_is_billed_in_a_known_currency(currency):
    with refused("organization_currency_known"), transaction.atomic():
        factories.organization(currency=currency)

    assert not Organization.objects.exists()


def test_what_people_read():
    home = factories.organization("Lumen")
    person = factories.member(home, Role.VIEWER, email="ana@example.test")
    token, secret = factories.token(factories.project(home, "Training"))

    assert [str(row) for row in (home, person, Membership.objects.get(), token.project, token)] == [
        "Lumen",
        "ana@example.test",
        "ana@example.test · viewer · Lumen",
        "Training",
        f"ci ({secret[:14]}…)",
    ]
    assert person.as_actor("req_12345678").label == "ana@example.test"
    assert token.as_actor().label == "API token ci"
