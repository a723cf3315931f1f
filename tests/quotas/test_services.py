"""Setting limits."""

import pytest

from portal.audit.models import AuditEvent
from portal.core.actors import SYSTEM
from portal.core.errors import InvalidInput
from portal.quotas.models import Quota
from portal.quotas.services.limits import LARGEST_GPU_HOURS, LARGEST_LIMIT, set_quota
from tests import factories

pytestmark = pytest.mark.django_db


def put(home, limit, **more):
    return set_quota(
        actor=SYSTEM,
        organization=home,
        server_type=factories.server_type(),
        region=factories.region(),
        limit=limit,
        **more,
    )


def test_a_limit_is_set_and_set_anew_and_recorded_each_time():
    home = factories.organization()

    first = put(home, 4)
    second = put(home, 0)

    assert first == second == Quota.objects.get()
    assert Quota.objects.get().limit == 0
    events = AuditEvent.objects.order_by("pk").values_list("verb", "target", "scope", "data")
    assert list(events) == [
        (
            "quota.set",
            first.public_id,
            home.public_id,
            {
                "limit": limit,
                "gpu_hours_per_month": None,
                "project": None,
                "server_type": "h100x8",
                "region": "eu-north-1",
            },
        )
        for limit in (4, 0)
    ]


def test_other_limits_stay():
    home, neighbour = factories.organization(), factories.organization()
    south = factories.region("south")
    kept = [factories.quota(home, 7, in_region=south), factories.quota(neighbour, 8)]

    put(home, 4)

    assert [Quota.objects.get(pk=quota.pk).limit for quota in kept] == [7, 8]
    assert Quota.objects.count() == 3


@pytest.mark.parametrize("limit", [-1, LARGEST_LIMIT + 1, 2**40])
def test_a_limit_out_of_range_is_refused_on_its_field(limit):
    home = factories.organization()
    put(home, 4)

    with pytest.raises(InvalidInput) as refusal:
        put(home, limit)

    assert [(error.field, error.code) for error in refusal.value.errors] == [("limit", "out_of_range")]
    assert Quota.objects.get().limit == 4
    assert AuditEvent.objects.count() == 1


@pytest.mark.parametrize("limit", [0, LARGEST_LIMIT])
def test_the_ends_of_the_range_are_in_it(limit):
    assert put(factories.organization(), limit).limit == limit


def test_a_project_has_a_limit_beside_that_of_its_organization():
    home = factories.organization()
    project = factories.project(home)

    whole, own = put(home, 4), put(home, 2, project=project, gpu_hours_per_month=500)
    again = put(home, 3, project=project)

    assert again == own != whole
    assert list(Quota.objects.order_by("pk").values_list("project", "limit", "gpu_hours_per_month")) == [
        (None, 4, None),
        (project.pk, 3, None),
    ]
    assert AuditEvent.objects.order_by("pk")[1].data["project"] == project.public_id


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"gpu_hours_per_month": -1}, "gpu_hours_per_month"),
        ({"gpu_hours_per_month": LARGEST_GPU_HOURS + 1}, "gpu_hours_per_month"),
        ({"project": "foreign"}, "project"),
    ],
)
def test_wrong_hours_and_foreign_projects_are_refused_on_their_field(wrong, field):
    home = factories.organization()
    fields = {"project": factories.project()} if "project" in wrong else wrong

    with pytest.raises(InvalidInput) as refusal:
        put(home, 1, **fields)

    assert [error.field for error in refusal.value.errors] == [field]
    assert not Quota.objects.exists()
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize("hours", [None, 0, LARGEST_GPU_HOURS])
def test_hours_may_have_no_limit_or_one_from_nothing_on(hours):
    assert put(factories.organization(), 1, gpu_hours_per_month=hours).gpu_hours_per_month == hours
