"""The table of roles, as a scope, a membership and a token apply it."""

import pytest

from portal.core.actors import SYSTEM
from portal.core.errors import Forbidden
from portal.tenancy.models import APIToken, Membership, Organization, Project
from portal.tenancy.roles import CHOICES, MAY, Role, Verb
from portal.tenancy.scope import Scope

RENTING = {Verb.RESERVE, Verb.RELEASE, Verb.OPERATE, Verb.MANAGE_KEYS, Verb.MANAGE_IMAGES}
EXPECTED = {
    Role.OWNER: set(Verb),
    Role.ADMIN: set(Verb),
    Role.OPERATOR: {Verb.VIEW, *RENTING},
    Role.BILLING: {Verb.VIEW, Verb.VIEW_BILLING, Verb.MANAGE_BUDGETS},
    Role.VIEWER: {Verb.VIEW},
}
PAIRS = [(role, verb) for role in Role for verb in Verb]


def test_the_table_speaks_of_every_role():
    assert set(MAY) == set(EXPECTED) == set(Role)
    assert [name for name, _ in CHOICES] == list(Role)


@pytest.mark.parametrize("role, verb", PAIRS)
def test_a_scope_requires_what_the_table_says(role, verb):
    scope = Scope(SYSTEM, Project(organization=Organization(name="Lumen")), role)

    if verb in EXPECTED[role]:
        scope.require(verb)
        assert scope.may(verb)
        return
    with pytest.raises(Forbidden, match=f"role {role} does not include .*; ask an owner or admin of Lumen"):
        scope.require(verb)
    assert not scope.may(verb)


@pytest.mark.parametrize("role, verb", PAIRS)
def test_members_and_tokens_follow_the_same_table(role, verb):
    assert Membership(role=role.value).may(verb) == APIToken(role=role.value).may(verb) == (verb in EXPECTED[role])
