"""Questions about limits never look across organizations."""

import pytest
from django.db import transaction

from portal.core.locks import lock_rows
from portal.quotas.selectors import limit_of, quotas_for, quotas_of, quotas_seen_by
from tests import factories

pytestmark = pytest.mark.django_db


def test_the_limits_of_an_organization_come_by_type_and_region(django_assert_num_queries):
    home = factories.organization()
    b200, a100 = factories.server_type("b200"), factories.server_type("a100")
    south, north = factories.region("south"), factories.region("north")
    made = [
        factories.quota(home, of_type=kind, in_region=place)
        for kind, place in [(b200, south), (b200, north), (a100, south)]
    ]
    factories.quota(factories.organization(), of_type=a100, in_region=north)

    with django_assert_num_queries(1):
        found = [(quota, quota.server_type.slug, quota.region.code) for quota in quotas_of(home)]

    assert [quota for quota, _, _ in found] == [made[2], made[1], made[0]]


def test_the_limit_that_applies_is_one_row_that_can_be_locked():
    home = factories.organization()
    quota = factories.quota(home)
    factories.quota(home, in_region=factories.region("south"))
    factories.quota(factories.organization())

    with transaction.atomic():
        locked = lock_rows(limit_of(home, None, quota.server_type, quota.region))

    assert locked == [quota]
    assert not limit_of(home, None, factories.server_type("b200"), quota.region).exists()


def test_a_project_meets_its_organizations_limit_and_its_own_and_no_others():
    who = factories.scope()
    whole = factories.quota(who.organization)
    own = factories.quota(who.organization, project=who.project)
    factories.quota(who.organization, project=factories.project(who.organization))
    south = factories.quota(who.organization, in_region=factories.region("south"))
    factories.quota(factories.organization())

    assert sorted(quotas_for(who.project, whole.server_type, whole.region), key=lambda quota: quota.pk) == [whole, own]
    assert list(quotas_seen_by(who)) == [whole, own, south]
    assert list(quotas_of(who.organization)) == [whole, south]
