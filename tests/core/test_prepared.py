"""Queries whose SQL is worked out once say what the same query of the ORM says."""

import pytest
from django.db import connection, transaction
from django.db.models import F, Q
from django.test.utils import CaptureQueriesContext

from portal.core.locks import locking
from portal.core.prepared import Given, Prepared, is_among
from portal.fleet.models import Server
from portal.tenancy.models import Project
from tests import factories

pytestmark = pytest.mark.django_db


def by_name():
    return Prepared(lambda: Project.objects.select_related("organization").filter(name=Given("name")).order_by("pk"))


def test_each_run_takes_other_values_and_one_statement_with_what_was_selected_along():
    one, other = factories.project(name="one"), factories.project(name="other")
    query = by_name()

    with CaptureQueriesContext(connection) as asked:
        found = [query.rows(name=name) for name in ("one", "other", "none")]
        organizations = [row.organization for rows in found for row in rows]

    assert found == [[one], [other], []]
    assert organizations == [one.organization, other.organization]
    assert len(asked) == 3


def test_rows_are_like_those_of_the_orm_annotations_and_deferred_fields_too():
    made = factories.server()

    def build(pk):
        return Server.objects.filter(pk=pk).annotate(twice=F("rack_unit") * 2).only("name")

    (found,), expected = Prepared(lambda: build(Given("pk"))).rows(pk=made.pk), build(made.pk).get()

    assert (found, found.twice) == (expected, expected.twice)
    assert found.get_deferred_fields() == expected.get_deferred_fields()
    assert not found._state.adding
    found.name = "renamed"
    found.save(update_fields=["name"])
    assert Server.objects.get(pk=made.pk).name == "renamed"


def test_a_value_may_stand_in_more_than_one_place_and_is_never_sql():
    project = factories.project(name='it\'s 100% "mine"; --')
    query = Prepared(lambda: Project.objects.filter(Q(public_id=Given("name")) | Q(name=Given("name"))))

    assert query.first(name=project.name) == query.first(name=project.public_id) == project
    assert query.first(name="' OR true --") is None


def test_a_value_that_is_not_given_is_an_error_and_not_a_wrong_answer():
    with pytest.raises(KeyError):
        by_name().rows(nam="one")


@pytest.mark.django_db(transaction=True)
def test_rows_are_locked_only_inside_of_a_transaction():
    project = factories.project()
    query = Prepared(lambda: locking(Project.objects.filter(pk=Given("pk"))))

    with transaction.atomic():
        assert query.rows(pk=project.pk) == [project]
    with pytest.raises(transaction.TransactionManagementError):
        query.rows(pk=project.pk)


def test_any_number_of_values_is_asked_for_by_one_statement():
    made = [factories.project(name=name) for name in ("one", "two", "three")]
    query = Prepared(lambda: Project.objects.filter(is_among("name", Given("names", "text[]"))).order_by("pk"))
    executed = set()

    with connection.execute_wrapper(
        lambda execute, sql, params, many, context: executed.add(sql) or execute(sql, params, many, context)
    ):
        found = [query.rows(names=names) for names in ([], ["two"], ["three", "one", "none"])]

    assert found == [[], [made[1]], [made[0], made[2]]]
    assert len(executed) == 1
