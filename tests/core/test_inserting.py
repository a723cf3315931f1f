"""Rows that are written with SQL worked out once are what the ORM writes."""

import json
from datetime import timedelta

import pytest
from django.db import DataError, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from portal.audit.models import AuditEvent
from portal.core import clock
from portal.core.inserting import insert, insert_each
from portal.reservations.models import Reservation
from tests import factories
from tests.reservations.calendars import bare_reservation

pytestmark = pytest.mark.django_db


def copies(of, *names):
    """Return new rows, not written yet, that differ from one by id and name."""
    skipped = {"id", "public_id", "name"}
    fields = {
        field.attname: getattr(of, field.attname) for field in of._meta.concrete_fields if field.name not in skipped
    }
    return [Reservation(name=name, **fields) for name in names]


def test_what_is_read_is_what_was_written_in_every_field():
    model = bare_reservation()
    rows = copies(model, "one", "two")

    with CaptureQueriesContext(connection) as asked:
        insert(rows)

    assert len(asked) == 1
    for row, name in zip(rows, ("one", "two"), strict=True):
        read = Reservation.objects.get(pk=row.pk)
        assert read.name == name
        for field in Reservation._meta.concrete_fields:
            assert getattr(read, field.attname) == getattr(row, field.attname), field.name


def test_a_row_that_was_written_can_be_saved_like_any_other():
    (row,) = copies(bare_reservation(), "one")
    insert([row])

    row.state_changed_at += timedelta(hours=1)
    row.save(update_fields=["state_changed_at"])

    assert Reservation.objects.get(pk=row.pk).state_changed_at == row.state_changed_at


def test_what_the_database_refuses_leaves_nothing():
    model = bare_reservation()
    rows = copies(model, "one", "one")

    with pytest.raises(IntegrityError), transaction.atomic():
        insert(rows)

    assert list(Reservation.objects.all()) == [model]


@pytest.mark.parametrize("count", [1, 2])
def test_what_is_too_long_is_refused_and_not_cut_off(count):
    model = bare_reservation()
    rows = copies(model, *(f"{number}{'n' * 40}" for number in range(count)))

    with pytest.raises(DataError), transaction.atomic():
        insert(rows)

    assert list(Reservation.objects.all()) == [model]


def test_one_statement_writes_any_number_of_rows():
    model = bare_reservation()
    executed = []

    with connection.execute_wrapper(
        lambda execute, sql, params, many, context: executed.append(sql) or execute(sql, params, many, context)
    ):
        for count in (2, 3, 40):
            insert(copies(model, *(f"{count}-{number}" for number in range(count))))

    assert len(executed) == 3
    assert len(set(executed)) == 1


def test_nothing_is_written_for_no_rows():
    with CaptureQueriesContext(connection) as asked:
        insert([])
    assert not asked


def test_keys_are_those_of_their_rows():
    owner = factories.project()
    rows = copies(bare_reservation(), *(f"n-{number}" for number in range(20)))
    for row in rows:
        row.project, row.organization = owner, owner.organization
    insert(rows)

    assert {row.pk: row.name for row in rows} == dict(
        Reservation.objects.filter(project=owner).values_list("pk", "name")
    )


def test_what_is_equal_to_python_only_is_written_as_it_is():
    model = bare_reservation()
    rows = copies(model, "one", "two", "three")
    rows[0].labels, rows[1].labels, rows[2].labels = [1], [True], [1.0]

    insert(rows)

    read = [json.dumps(Reservation.objects.get(pk=row.pk).labels) for row in rows]
    assert read == ["[1]", "[true]", "[1.0]"]


def test_rows_that_are_alike_in_all_columns_are_as_many_as_they_were():
    at = clock.now()
    rows = [AuditEvent(at=at, actor_kind="system", verb="met", target="t") for _ in range(3)]

    insert(rows)

    assert AuditEvent.objects.filter(verb="met").count() == len({row.pk for row in rows}) == 3


def test_rows_of_several_models_are_written_by_one_statement_and_each_has_its_key():
    (reservation,) = copies(bare_reservation(), "one")
    event = AuditEvent(actor_kind="system", verb="met", target=reservation.public_id, data={"count": 1})

    with CaptureQueriesContext(connection) as asked:
        insert_each(reservation, event)

    assert len(asked) == 1
    assert Reservation.objects.get(pk=reservation.pk).name == "one"
    read = AuditEvent.objects.get(pk=event.pk)
    assert (read.target, read.data) == (reservation.public_id, {"count": 1})
    assert not reservation._state.adding


def test_one_of_several_that_is_refused_takes_the_others_along():
    model = bare_reservation()
    (again,) = copies(model, model.name)

    with pytest.raises(IntegrityError), transaction.atomic():
        insert_each(AuditEvent(actor_kind="system", verb="met", target="t"), again)

    assert not AuditEvent.objects.filter(verb="met").exists()
    assert list(Reservation.objects.all()) == [model]
