"""Locks are taken in pk order, and only as strong as they must be."""

import threading

import pytest
from django.db import OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext
from psycopg.errors import DeadlockDetected, LockNotAvailable

from portal.core.locks import lock_row, lock_rows
from portal.tenancy.models import Organization, Project
from tests import factories
from tests.racing import PATIENCE_S, Runner, await_blocked

TABLE = '"tenancy_organization"'


def in_the_callers_order(rows):
    """Lock as a service would that does not know better: the control."""
    return list(rows.select_for_update(of=("self",), no_key=True))


def against_insertion(model, pk):
    """Lock as Django does unless told otherwise: the control."""
    return model.objects.select_for_update().get(pk=pk)


@pytest.mark.django_db
def test_rows_are_locked_in_pk_order_and_come_back_fresh():
    made = [factories.organization() for _ in range(3)]
    Organization.objects.filter(pk=made[1].pk).update(name="Meanwhile")

    with (
        CaptureQueriesContext(
            connection,
        ) as queries,
        transaction.atomic(),
    ):
        locked = lock_rows(Organization.objects.order_by("-pk"))

    sql = next(query["sql"] for query in queries if "SELECT" in query["sql"])
    assert sql.endswith(f'ORDER BY {TABLE}."id" ASC FOR NO KEY UPDATE OF {TABLE}')
    assert [item.pk for item in locked] == sorted(item.pk for item in made)
    assert locked[1].name == "Meanwhile"


@pytest.mark.django_db
def test_only_the_rows_themselves_are_locked_not_what_they_are_joined_with():
    factories.project()

    with CaptureQueriesContext(connection) as queries, transaction.atomic():
        lock_rows(Project.objects.select_related("organization"))

    assert any(query["sql"].endswith('FOR NO KEY UPDATE OF "tenancy_project"') for query in queries)


@pytest.mark.django_db
def test_one_row_is_locked_alike():
    made = factories.organization()

    with CaptureQueriesContext(connection) as queries, transaction.atomic():
        locked = lock_row(Organization, made.pk)

    assert locked == made
    assert any(query["sql"].endswith(f"FOR NO KEY UPDATE OF {TABLE}") for query in queries)


@pytest.mark.django_db
def test_a_missing_row_is_told():
    with pytest.raises(Organization.DoesNotExist), transaction.atomic():
        lock_row(Organization, 0)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("lock, deadlocks", [(in_the_callers_order, 1), (lock_rows, 0)])
def test_two_that_lock_in_opposite_order_do_not_deadlock(lock, deadlocks):
    rows = Organization.objects.filter(pk__in=[factories.organization().pk for _ in range(3)])
    held, free = threading.Event(), threading.Event()

    def hold_the_first():
        with transaction.atomic():
            lock_row(Organization, rows.order_by("pk").first().pk)
            held.set()
            free.wait(PATIENCE_S)

    def take(order):
        with transaction.atomic():
            return len(lock(rows.order_by(order)))

    holder = Runner(hold_the_first)
    assert held.wait(PATIENCE_S)
    takers = []
    for blocked, order in enumerate(["pk", "-pk"], start=1):
        takers.append(Runner(take, order))
        await_blocked(blocked)
    free.set()
    holder.result()
    outcomes = [taker.result() for taker in takers]

    failed = [item for item in outcomes if isinstance(item, OperationalError)]
    assert [type(item.__cause__) for item in failed] == [DeadlockDetected] * deadlocks
    assert outcomes.count(3) == 2 - deadlocks


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("lock, refused", [(against_insertion, True), (lock_row, False)])
def test_rows_that_refer_to_a_locked_row_may_be_inserted(lock, refused):
    home = factories.organization()

    def insert():
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '500ms'")
            return Project.objects.create(organization=home, name="new").name

    with transaction.atomic():
        lock(Organization, home.pk)
        outcome = Runner(insert).result()

    assert isinstance(getattr(outcome, "__cause__", None), LockNotAvailable) == refused
    assert Project.objects.filter(name="new").exists() == (not refused)
