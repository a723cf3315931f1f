"""The database itself refuses to change or remove what was recorded, whoever asks."""

import pytest
from django.db import IntegrityError, connection, transaction

from portal.audit.models import AuditEvent
from portal.audit.services import record
from portal.core.actors import SYSTEM

pytestmark = pytest.mark.django_db


@pytest.fixture
def event():
    return record(actor=SYSTEM, verb="thing.done", target="thing", data={"what": "it"})


def refused(act, *args):
    """Expect the database to refuse what ``act`` does."""
    with pytest.raises(IntegrityError, match="audit rows are append-only"), transaction.atomic():
        act(*args)


def execute(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE audit_auditevent SET actor_label = 'somebody else'",
        "UPDATE audit_auditevent SET at = at",
        "DELETE FROM audit_auditevent",
        "INSERT INTO audit_auditevent SELECT * FROM audit_auditevent ON CONFLICT (id) DO UPDATE SET verb = 'other'",
    ],
)
def test_raw_sql_changes_nothing(event, sql):
    before = AuditEvent.objects.values().get()

    refused(execute, sql)

    assert AuditEvent.objects.values().get() == before


def test_truncation_is_refused(event):
    # The suite switches this trigger off to empty the table between tests; the rollback switches it off again.
    execute("ALTER TABLE audit_auditevent ENABLE TRIGGER audit_no_truncate")

    refused(execute, "TRUNCATE audit_auditevent")

    assert AuditEvent.objects.get() == event


def test_the_models_own_ways_are_refused_too(event):
    event.verb = "other"

    refused(event.save)
    refused(event.delete)
    refused(lambda: AuditEvent.objects.update(verb="other"))
    refused(lambda: AuditEvent.objects.filter(pk=event.pk).delete())

    assert AuditEvent.objects.get().verb == "thing.done"


def test_where_nothing_matches_nothing_is_refused(event):
    execute("DELETE FROM audit_auditevent WHERE id < 0")

    assert AuditEvent.objects.get() == event
