"""Fifty signed contracts for the same servers are activated at once: exactly what fits becomes active."""

from collections import Counter

import pytest

from portal.contracts.models import Contract, ContractReservation
from portal.contracts.services.activating import activate_contract
from portal.core.actors import SYSTEM
from portal.core.errors import InvalidInput
from portal.reservations import calendar
from portal.reservations.models import Allocation, Reservation
from portal.reservations.states import HOLDING
from tests.contracts import builders
from tests.contracts.builders import line
from tests.racing import kinds, race
from tests.reservations.calendars import overlaps, unnoticed
from tests.reservations.services.test_races import without_placing, without_the_constraint

# Not at once with other crowds: each takes many of the connections that the database has.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("fifty at once")]
RACERS = 50
SERVERS = 12
CONTROL = 6


def signed_contracts(count):
    """Return contracts for one server each whose holds have run out: signed too late, so nobody has a right to any."""
    scopes = [builders.stage(servers=0) for _ in range(4)]
    made = [builders.draft(scopes[number % 4], line(count=1)) for number in range(count)]
    Contract.objects.update(state="countersigned")
    return made


def activate(contract):
    return activate_contract(actor=SYSTEM, contract=contract)


def test_fifty_activations_for_twelve_servers_are_twelve_contracts():
    contracts = signed_contracts(RACERS)
    builders.factories.servers(SERVERS, with_bmc=False)
    outcomes = race(RACERS, lambda number: activate(contracts[number]))

    refused = [outcome for outcome in outcomes if isinstance(outcome, InvalidInput)]
    assert len(refused) == RACERS - SERVERS, kinds(outcomes)
    assert {error.code for outcome in refused for error in outcome.errors} == {"insufficient_capacity"}
    states = Counter(Contract.objects.values_list("state", flat=True))
    assert states == {"active": SERVERS, "countersigned": RACERS - SERVERS}
    assert Allocation.objects.filter(state__in=HOLDING).count() == SERVERS
    assert ContractReservation.objects.count() == Reservation.objects.count() == SERVERS
    assert (overlaps(), calendar.faults()) == (0, [])


def test_control_without_placing_constraint_and_calendar_servers_are_promised_many_times(monkeypatch):
    contracts = signed_contracts(CONTROL)
    builders.factories.servers(1, with_bmc=False)
    with without_the_constraint(), unnoticed(), without_placing(monkeypatch, racers=CONTROL):
        race(CONTROL, lambda number: activate(contracts[number]))

        assert Contract.objects.filter(state="active").count() == CONTROL
        assert overlaps() == CONTROL * (CONTROL - 1) // 2
