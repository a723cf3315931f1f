"""Incidents: opened, spoken about, resolved and explained, to those whom they concern."""

from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.db import IntegrityError, transaction

from portal.core.actors import SYSTEM
from portal.core.errors import InvalidInput, NotFound, StateConflict
from portal.reservations.models import Allocation
from portal.sla.models import Incident, IncidentUpdate
from portal.sla.models.incident import Impact
from portal.sla.selectors import incident_of, incidents_of
from portal.sla.services.incidents import explain_incident, open_incident, touch_servers, update_incident
from portal.sla.states import IncidentState
from portal.sla.status import ComponentState, status_now
from tests import factories
from tests.sla import world
from tests.sla.world import DAY, JANUARY

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def in_january():
    with time_machine.travel(JANUARY + 3 * DAY, tick=False) as hand:
        yield hand


@pytest.fixture
def buyer():
    return factories.buyer()


@pytest.fixture
def server(buyer):
    return world.server_of(world.handed_over(buyer=buyer))


def opened(server=None, **kwargs):
    what = {
        "title": "A switch failed",
        "text": "Some servers cannot be reached.",
        "impact": Impact.OUTAGE,
        "region": factories.region(),
        "servers": [server] if server else [],
    }
    return open_incident(actor=SYSTEM, **{**what, **kwargs})


def test_every_step_is_told_to_those_whose_servers_it_touches(server, buyer, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        made = opened(server)
        update_incident(actor=SYSTEM, incident=made, text="It was a power supply.", state=IncidentState.IDENTIFIED)
        update_incident(actor=SYSTEM, incident=made, text="Exchanged.", state=IncidentState.RESOLVED)
        explain_incident(actor=SYSTEM, incident=made, root_cause="Dust.")

    assert [one.subject for one in mail.outbox] == [
        "Incident investigating: A switch failed",
        "Incident identified: A switch failed",
        "Incident resolved: A switch failed",
        "Root cause: A switch failed",
    ]
    assert {tuple(one.to) for one in mail.outbox} == {(buyer.organization.memberships.get().user.email,)}
    made.refresh_from_db()
    assert (made.state, made.resolved_at, made.root_cause) == ("resolved", JANUARY + 3 * DAY, "Dust.")
    assert [update.state for update in made.updates.all()] == ["investigating", "identified", "resolved"]


def test_who_gave_a_server_back_meanwhile_is_told_the_rest_and_who_has_it_later_is_not(
    buyer, in_january, django_capture_on_commit_callbacks
):
    made = world.handed_over(buyer=buyer, days=3)
    server = world.server_of(made)
    later = factories.buyer()
    factories.reservation(later, starts_at=JANUARY + 20 * DAY, ends_at=JANUARY + 21 * DAY)
    assert Allocation.objects.filter(server=server).count() == 2
    incident = opened(server, is_public=False)
    in_january.move_to(JANUARY + 10 * DAY)
    with django_capture_on_commit_callbacks(execute=True):
        update_incident(actor=SYSTEM, incident=incident, text="Exchanged.", state=IncidentState.RESOLVED)
        in_january.move_to(JANUARY + 20 * DAY)
        explain_incident(actor=SYSTEM, incident=incident, root_cause="Dust.")

    mine = [person.user.email for person in buyer.organization.memberships.all()]
    assert [one.to for one in mail.outbox] == [mine, mine]


def test_what_is_not_public_is_seen_by_those_only_who_had_a_touched_server_then(server, buyer, in_january):
    secret = opened(server, is_public=False)
    other = factories.scope()

    assert list(incidents_of(buyer)) == [secret]
    assert list(incidents_of(other)) == []
    with pytest.raises(NotFound):
        incident_of(other, secret.public_id)
    early = opened(server, is_public=False, began_at=JANUARY)
    update_incident(actor=SYSTEM, incident=early, text="Over.", state=IncidentState.RESOLVED)
    Incident.objects.filter(pk=early.pk).update(resolved_at=JANUARY + timedelta(hours=1))
    assert list(incidents_of(buyer)) == [secret], "it was over before they had the server"


def test_words_are_needed_and_a_begin_that_is_past():
    for wrong, field in (
        ({"title": ""}, "title"),
        ({"text": "  "}, "text"),
        ({"began_at": JANUARY + 4 * DAY}, "began_at"),
    ):
        with pytest.raises(InvalidInput) as refused, transaction.atomic():
            opened(**wrong)
        assert [error.field for error in refused.value.errors] == [field]
    assert not Incident.objects.exists()


def test_what_is_resolved_is_explained_once_and_not_spoken_about_any_more(server):
    made = opened()
    with pytest.raises(StateConflict):
        explain_incident(actor=SYSTEM, incident=made, root_cause="Too early.")
    assert touch_servers(actor=SYSTEM, incident=made, servers=[server, server]) == 1
    update_incident(actor=SYSTEM, incident=made, text="Over.", state=IncidentState.RESOLVED)
    explain_incident(actor=SYSTEM, incident=made, root_cause="Dust.")
    for act in (
        lambda: explain_incident(actor=SYSTEM, incident=made, root_cause="Water."),
        lambda: update_incident(actor=SYSTEM, incident=made, text="Really."),
        lambda: touch_servers(actor=SYSTEM, incident=made, servers=[]),
    ):
        with pytest.raises(StateConflict):
            act()
    assert Incident.objects.get().root_cause == "Dust."


def test_the_database_keeps_what_was_said():
    opened()
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        IncidentUpdate.objects.update(text="Nothing happened.")
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        IncidentUpdate.objects.all().delete()


def test_the_status_shows_regions_days_and_public_incidents_only(in_january):
    opened(impact=Impact.DEGRADED)
    opened(title="Secret", is_public=False)
    past = opened(title="Past", region=None)
    update_incident(actor=SYSTEM, incident=past, text="Over.", state=IncidentState.RESOLVED)
    in_january.move_to(JANUARY + 5 * DAY)

    found = status_now()

    assert [(one.key, one.state) for one in found.components] == [
        ("portal", ComponentState.OPERATIONAL),
        ("eu-north-1", ComponentState.DEGRADED),
    ]
    assert found.state == ComponentState.DEGRADED
    assert [one.title for one in found.open_incidents] == ["A switch failed"]
    assert [one.title for one in found.past_incidents] == ["Past"]
    portal, region = found.components
    assert len(portal.days) == len(region.days) == 90
    assert [day.state.value for day in portal.days[-4:]] == ["operational", "outage", "operational", "operational"]
    assert [day.state.value for day in region.days[-4:]] == ["operational", "degraded", "degraded", "degraded"]
