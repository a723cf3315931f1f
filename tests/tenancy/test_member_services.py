"""Organizations, projects and members: made once, recorded once, refused without a trace."""

import pytest

from portal.audit.models import AuditEvent
from portal.core.actors import SYSTEM
from portal.core.errors import InvalidInput, StateConflict
from portal.core.money import MINOR_UNITS
from portal.tenancy import services
from portal.tenancy.models import Membership, Organization, Project, User
from portal.tenancy.roles import Role
from tests import factories

pytestmark = pytest.mark.django_db


def trail():
    return list(AuditEvent.objects.order_by("pk").values_list("verb", "target", "scope", "data"))


def refused(act, field, code):
    """Expect a refusal on that field, and that nothing is written."""

    def rows():
        kinds = (Organization, Project, Membership, User, AuditEvent)
        return [list(kind.objects.order_by("pk").values()) for kind in kinds]

    before = rows()
    with pytest.raises(InvalidInput) as refusal:
        act()
    assert [(error.field, error.code) for error in refusal.value.errors] == [(field, code)]
    assert rows() == before


@pytest.mark.parametrize("currency", sorted(MINOR_UNITS))
def test_a_customer_is_made_in_any_currency_that_money_knows(currency):
    made = services.create_organization(actor=SYSTEM, name=" Lumen   Robotics ", currency=currency)

    made.refresh_from_db()
    assert (made.name, made.currency) == ("Lumen Robotics", currency)
    assert trail() == [("organization.created", made.public_id, made.public_id, {})]


@pytest.mark.parametrize("name", ["Lumen", "LUMEN", " lumen "])
def test_a_customers_name_is_had_once(name):
    factories.organization("Lumen")

    refused(lambda: services.create_organization(actor=SYSTEM, name=name), "name", "duplicate")


def test_an_unknown_currency_is_refused():
    refused(lambda: services.create_organization(actor=SYSTEM, name="x", currency="XXX"), "currency", "unknown")


def test_a_project_is_made_and_its_name_is_had_once_in_its_organization():
    home, neighbour = factories.organization(), factories.organization()
    made = services.create_project(actor=SYSTEM, organization=home, name="Training")

    refused(
        lambda: services.create_project(actor=SYSTEM, organization=home, name="training"),
        "name",
        "duplicate",
    )
    other = services.create_project(actor=SYSTEM, organization=neighbour, name="Training")

    assert [made.organization, other.organization] == [home, neighbour]
    assert trail() == [
        ("project.created", made.public_id, home.public_id, {}),
        ("project.created", other.public_id, neighbour.public_id, {}),
    ]


@pytest.mark.parametrize("email", ["ana@example.test", "ANA@example.test"])
def test_who_has_an_account_is_invited_with_it(email):
    home, person = factories.organization(), factories.user("ana@example.test")

    made = services.invite_member(actor=SYSTEM, organization=home, email=email, role=Role.VIEWER, name="Other")

    assert (made.user, made.role) == (person, Role.VIEWER)
    assert trail() == [("member.added", person.public_id, home.public_id, {"role": "viewer"})]


def test_who_has_none_gets_one_without_a_password():
    home = factories.organization()

    made = services.invite_member(actor=SYSTEM, organization=home, email="new@example.test", role=Role.OWNER)

    assert not made.user.has_usable_password()
    assert [verb for verb, *_ in trail()] == ["user.created", "member.added"]


def test_a_member_is_not_added_twice_and_an_account_that_is_off_not_at_all():
    home = factories.organization()
    person = factories.member(home, email="ana@example.test")
    off = factories.user("off@example.test", is_active=False)

    for user, code in [(person, "duplicate"), (off, "inactive")]:
        refused(
            lambda user=user: services.invite_member(
                actor=SYSTEM, organization=home, email=user.email, role=Role.VIEWER
            ),
            "email",
            code,
        )


def test_a_role_is_changed_once_and_recorded_once():
    home = factories.organization()
    factories.member(home)
    membership = Membership.objects.get(user=factories.member(home, Role.VIEWER))

    for _ in range(2):
        services.change_role(actor=SYSTEM, membership=membership, role=Role.ADMIN)

    assert Membership.objects.get(pk=membership.pk).role == membership.role == Role.ADMIN
    data = {"from": "viewer", "to": "admin"}
    assert trail() == [("member.role_changed", membership.user.public_id, home.public_id, data)]


@pytest.mark.parametrize("others_are_active", [True, False])
def test_the_last_owner_who_could_act_stays(others_are_active):
    home = factories.organization()
    owner = Membership.objects.get(user=factories.member(home))
    factories.member(home, Role.ADMIN)
    factories.member(home, Role.OWNER, is_active=others_are_active)
    factories.member(factories.organization(), Role.OWNER)

    if others_are_active:
        services.remove_member(actor=SYSTEM, membership=owner)
        assert [verb for verb, *_ in trail()] == ["member.removed"]
        return
    with pytest.raises(StateConflict, match="last owner"):
        services.remove_member(actor=SYSTEM, membership=owner)
    with pytest.raises(StateConflict, match="last owner"):
        services.change_role(actor=SYSTEM, membership=owner, role=Role.ADMIN)

    assert Membership.objects.get(pk=owner.pk).role == owner.role == Role.OWNER
    assert trail() == []


def test_a_member_who_is_gone_cannot_be_removed_again():
    home = factories.organization()
    membership = Membership.objects.get(user=factories.member(home, Role.VIEWER))
    same = Membership.objects.get(pk=membership.pk)
    services.remove_member(actor=SYSTEM, membership=membership)

    with pytest.raises(StateConflict, match="is gone"):
        services.remove_member(actor=SYSTEM, membership=same)

    assert len(trail()) == 1
    assert User.objects.filter(pk=same.user_id).exists(), "the account stays"
