"""What the abstract parents give to every row."""

import pytest
from django.apps import apps
from django.db import IntegrityError, transaction

from portal.core import ids
from portal.core.models import Identified
from portal.tenancy.models import Organization
from tests import factories

KINDS = [model for model in apps.get_models() if issubclass(model, Identified)]


def test_every_kind_of_row_has_a_prefix_of_its_own():
    prefixes = [model.ID_PREFIX for model in KINDS]

    assert len(set(prefixes)) == len(prefixes)
    assert set(prefixes) <= set(ids.Prefix)


def test_a_row_has_its_id_before_it_is_saved():
    assert ids.has_prefix(Organization(name="x").public_id, ids.Prefix.ORGANIZATION)


@pytest.mark.django_db
def test_an_id_stays_for_the_life_of_the_row():
    made = factories.organization()
    given = made.public_id

    made.name = "Other name"
    made.save()

    assert Organization.objects.get(pk=made.pk).public_id == given


@pytest.mark.django_db
def test_two_rows_never_share_an_id():
    made = factories.organization()

    with pytest.raises(IntegrityError), transaction.atomic():
        factories.organization(public_id=made.public_id)
    assert list(Organization.objects.all()) == [made]


@pytest.mark.django_db
def test_reading_some_columns_costs_one_query_and_makes_no_new_id(django_assert_num_queries):
    made = [factories.organization() for _ in range(3)]

    with django_assert_num_queries(1):
        rows = list(Organization.objects.only("name").order_by("pk"))

    assert [row.public_id for row in rows] == [item.public_id for item in made]
