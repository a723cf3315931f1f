"""The sweeps that keep quotes, waiting list, spares, calendar and request log in order."""

import logging
from datetime import timedelta

import pytest
from celery import current_app
from django.db import connection

from portal.core import clock
from portal.core.errors import StateConflict
from portal.fleet.models import Server
from portal.reservations import calendar
from portal.reservations.enquiries import KEPT_FOR
from portal.reservations.models import Enquiry, FreeSpan, Quote, TimelineStep
from portal.reservations.services import holds
from portal.reservations.services.console import READ_TASK
from provisioning import reconcile, tasks
from provisioning.schedule import SCHEDULE, beat_schedule
from tests import factories

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)


def test_every_entry_of_the_schedule_is_a_task():
    assert {entry.task for entry in SCHEDULE} | {READ_TASK} <= set(current_app.tasks)
    assert len(beat_schedule()) == len(SCHEDULE)


def test_holds_return_by_themselves():
    hold = factories.hold()
    assert reconcile.expire_quotes() == 0

    Quote.objects.update(expires_at=clock.now())
    assert reconcile.expire_quotes() == 1

    hold.refresh_from_db()
    assert (hold.state, hold.reservation.state) == ("expired", "expired")
    assert hold.reservation.allocations.get().state == "released"
    assert reconcile.expire_quotes() == 0


def test_a_quote_that_refuses_does_not_stop_the_others(monkeypatch, caplog):
    factories.servers(2)
    first, second = factories.quote(), factories.quote()
    Quote.objects.update(expires_at=clock.now())
    expire = holds.expire_quote

    def refuses_once(*, actor, quote):
        if quote == first:
            raise StateConflict("not now")
        return expire(actor=actor, quote=quote)

    monkeypatch.setattr(holds, "expire_quote", refuses_once)
    assert reconcile.expire_quotes() == 2

    second.refresh_from_db()
    assert second.state == "expired"
    assert "not now" in caplog.text


def test_who_waits_gets_an_offer_and_who_waited_too_long_leaves():
    factories.server()
    entry = factories.waitlist_entry()
    late = factories.waitlist_entry(earliest=clock.now() - 2 * SECOND, latest=clock.now() - SECOND)

    assert reconcile.offer_waiting() == 1

    entry.refresh_from_db()
    late.refresh_from_db()
    assert (entry.state, late.state) == ("offered", "lapsed")


def test_a_wake_up_call_looks_at_one_queue():
    factories.server()
    other = factories.server_type("l40s")
    entry = factories.waitlist_entry()

    tasks.offer_waiting(other.pk, entry.region_id)
    entry.refresh_from_db()
    assert entry.state == "waiting"

    tasks.offer_waiting(entry.server_type_id, entry.region_id)
    entry.refresh_from_db()
    assert entry.state == "offered"


def test_an_offer_that_ran_out_goes_to_the_next_within_two_sweeps():
    factories.server()
    window = {"earliest": clock.now() + timedelta(days=1), "latest": clock.now() + timedelta(days=1)}
    first, second = factories.waitlist_entry(**window), factories.waitlist_entry(**window)
    reconcile.offer_waiting()
    Quote.objects.update(expires_at=clock.now())

    reconcile.expire_quotes()
    assert reconcile.offer_waiting() == 1

    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.state, first.missed_offers, second.state) == ("waiting", 1, "offered")


def test_pools_get_their_spares():
    factories.servers(20)

    tasks.top_up_spares()

    assert Server.objects.filter(is_spare=True).count() == 4


def test_the_timeline_is_folded_and_the_past_forgotten():
    server = factories.server()
    assert TimelineStep.objects.filter(is_folded=False).exists()

    tasks.fold_timeline()
    assert not TimelineStep.objects.filter(is_folded=False).exists()

    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO reservations_freespan SELECT server_id, pool_id, rack_id, '1990-01-01', '1990-01-02' "
            "FROM reservations_freespan"
        )
    tasks.forget_past()
    assert FreeSpan.objects.filter(server_id=server.pk).count() == 1
    assert calendar.faults() == []


def test_faults_of_the_calendar_are_reported_and_not_repaired(caplog):
    server = factories.server()
    FreeSpan.objects.all().delete()

    with caplog.at_level(logging.ERROR):
        assert reconcile.report_calendar_faults() > 0

    assert f"calendar: server {server.pk}: free from" in caplog.text
    assert not FreeSpan.objects.exists()


def test_a_right_calendar_is_nothing_to_report(caplog):
    factories.server()
    factories.reservation()

    tasks.check_calendar()

    assert "calendar:" not in caplog.text


def test_old_enquiries_are_purged():
    factories.server()
    factories.reservation()
    Enquiry.objects.update(at=clock.now() - KEPT_FOR - SECOND)

    tasks.purge_enquiries()

    assert not Enquiry.objects.exists()


@pytest.mark.parametrize("name", ["expire_quotes", "fold_timeline", "purge_enquiries", "apply_measured_times"])
def test_a_sweep_with_nothing_to_do_does_nothing(name):
    getattr(tasks, name)()

    assert not Quote.objects.exists()
