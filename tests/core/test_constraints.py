"""The database's refusals in the words of the domain."""

import pytest
from django.db import IntegrityError, connection

from portal.core.constraints import refuse
from portal.core.errors import InvalidInput
from portal.tenancy.models import Organization, Project

pytestmark = pytest.mark.django_db
TAKEN = InvalidInput.of("name", "duplicate", "taken")


def test_the_named_constraint_becomes_the_refusal_and_the_rest_goes_on():
    Organization.objects.create(name="Lumen")

    with pytest.raises(InvalidInput, match="taken"), refuse("organization_name_once", TAKEN):
        Organization.objects.bulk_create([Organization(name="Halden"), Organization(name="LUMEN")])

    assert list(Organization.objects.values_list("name", flat=True)) == ["Lumen"]
    Organization.objects.create(name="Northwind")


def test_another_constraint_is_a_fault():
    Organization.objects.create(name="Lumen")

    with pytest.raises(IntegrityError, match="organization_name_once"), refuse("project_name_once", TAKEN):
        Organization.objects.create(name="Lumen")


def test_a_name_that_only_contains_the_constraints_is_another():
    owner = Organization.objects.create(name="Lumen")
    Project.objects.create(organization=owner, name="a")

    with pytest.raises(IntegrityError), refuse("project_name", TAKEN):
        Project.objects.create(organization=owner, name="a")


@pytest.mark.parametrize(
    "name",
    [
        "membership_once",
        "organization_name_once",
        "price_book_no_overlap",
        "project_name_once",
        "reservation_name_once",
        "ssh_key_name_once",
        "ssh_key_once",
        "tenancy_user_email_key",
        "user_email_once",
    ],
)
def test_constraints_that_services_name_are_there(name):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM (SELECT conname FROM pg_constraint UNION SELECT indexname FROM pg_indexes) AS known"
            " WHERE conname = %s",
            [name],
        )
        assert cursor.fetchone()[0] == 1
