"""The arithmetic of a limit, and what the database says about limits."""

import pytest
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from portal.quotas.models import Quota
from tests import factories

numbers = st.integers(0, 10**6)


@given(numbers, numbers, numbers)
def test_a_limit_admits_what_fits_beside_what_is_held(limit, used, requested):
    admitted = Quota(limit=limit).admits(used=used, requested=requested)

    assert admitted == (requested <= limit - used)


@pytest.mark.parametrize(
    "used, requested, admitted", [(0, 4, True), (1, 3, True), (1, 4, False), (4, 0, True), (5, 0, False)]
)
def test_the_limit_itself_still_fits(used, requested, admitted):
    assert Quota(limit=4).admits(used=used, requested=requested) == admitted


@pytest.mark.django_db
def test_there_is_one_limit_for_an_organization_a_type_and_a_region():
    home = factories.organization("Lumen")
    first = factories.quota(home, 4)
    factories.quota(home, 1, in_region=factories.region("south"))
    factories.quota(home, 1, of_type=factories.server_type("b200"))
    factories.quota(factories.organization(), 1)

    with pytest.raises(IntegrityError, match="quota_once"), transaction.atomic():
        factories.quota(home, 5)

    own = factories.quota(home, 2, project=factories.project(home, "train"))
    with pytest.raises(IntegrityError, match="quota_once"), transaction.atomic():
        factories.quota(home, 5, project=own.project)

    assert Quota.objects.filter(organization=home).count() == 4
    assert str(own) == "Lumen / train: 2 x 8 x H100 in eu-north-1"
    assert str(first) == "Lumen: 4 x 8 x H100 in eu-north-1"


@pytest.mark.django_db
def test_a_limit_is_never_below_nothing():
    quota = factories.quota(factories.organization(), 4)

    with pytest.raises(IntegrityError, match="limit"), transaction.atomic():
        Quota.objects.update(limit=-1)

    quota.refresh_from_db()
    assert quota.limit == 4
