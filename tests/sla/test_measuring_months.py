"""A month is measured once: availability of every server, and credits with nothing asked of the customer."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.core import mail
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from portal.audit.models import AuditEvent
from portal.core.actors import SYSTEM
from portal.core.errors import InvalidInput, StateConflict
from portal.core.money import Money
from portal.core.periods import Period
from portal.operations.states import OperationKind
from portal.reservations.models import Allocation
from portal.sla.definitions import Condition
from portal.sla.models import Outage, ServerMonth, SlaCredit
from portal.sla.selectors import credits_to_invoice
from portal.sla.services.credits import mark_invoiced, void_credit
from portal.sla.services.maintenance import announce_maintenance, defer_maintenance, move_maintenance
from portal.sla.services.measuring import measure_due, measure_month
from tests import factories
from tests.sla import world
from tests.sla.world import DAY, FEBRUARY, JANUARY

pytestmark = pytest.mark.django_db
MONTH = date(2030, 1, 1)


@pytest.fixture(autouse=True)
def after_january():
    with time_machine.travel(FEBRUARY + DAY, tick=False) as hand:
        yield hand


def measure():
    return measure_month(actor=SYSTEM, month=MONTH)


def test_an_outage_is_credited_by_the_tier_with_its_arithmetic(django_capture_on_commit_callbacks):
    tier = world.tier()
    made = world.handed_over()
    world.outage(world.server_of(made), JANUARY + 3 * DAY, 180)

    with django_capture_on_commit_callbacks(execute=True):
        assert measure() == 1

    row, credit = ServerMonth.objects.get(), SlaCredit.objects.get()
    assert (row.measured_seconds, row.down_seconds, row.tier) == (864_000, 10_800, tier)
    assert row.availability == Decimal("98.75")
    assert (credit.state, credit.reason, credit.percent) == ("due", "availability", Decimal(25))
    assert credit.money == Money(world.price(240) / 4, "USD")
    assert credit.organization == made.organization
    told = credit.arithmetic
    assert Money(Decimal(told["price"]) * Decimal(told["percent"]) / 100, "USD") == credit.money
    assert told["steps"][1] == {"below": "99", "credit_percent": "25"}
    outage = Outage.objects.get()
    assert (outage.until - outage.since, outage.kinds) == (timedelta(minutes=180), ["reachable"])
    assert mail.outbox[0].subject == "Credits for 2030-01"
    assert "availability, USD 1,200.00" in mail.outbox[0].body
    assert AuditEvent.objects.get(verb="sla_credit.created").target == credit.public_id


def test_to_measure_again_changes_nothing():
    world.tier()
    world.outage(world.server_of(world.handed_over()), JANUARY + 3 * DAY, 180)
    measure()
    before = list(ServerMonth.objects.values()), list(SlaCredit.objects.values()), AuditEvent.objects.count()

    assert measure() == 0

    assert (list(ServerMonth.objects.values()), list(SlaCredit.objects.values()), AuditEvent.objects.count()) == before


def test_a_month_without_samples_costs_us_nothing_and_says_so():
    world.tier()
    world.handed_over()

    measure()

    row = ServerMonth.objects.get()
    assert (row.unknown_seconds, row.availability) == (864_000, 100)
    assert not SlaCredit.objects.exists()


def test_without_a_tier_it_is_measured_and_nothing_is_credited():
    world.outage(world.server_of(world.handed_over()), JANUARY + 3 * DAY, 6000)

    measure()

    assert ServerMonth.objects.get().down_seconds == 6000 * 60
    assert not SlaCredit.objects.exists()


def test_what_a_tenant_switched_off_is_not_measured():
    world.tier()
    made = world.handed_over()
    server = world.server_of(made)
    asked = world.operation(made, server, OperationKind.POWER_OFF, JANUARY + 3 * DAY, timedelta(minutes=2))
    world.outage(server, JANUARY + 3 * DAY + timedelta(minutes=1), 600)

    measure()

    row = ServerMonth.objects.get()
    assert (row.down_seconds, row.tenant_seconds, row.availability) == (0, 8 * 86_400, 100)
    assert Outage.objects.get().proof == asked.public_id
    assert not SlaCredit.objects.exists()


def test_announced_maintenance_counts_beyond_its_allowance_only(after_january):
    world.tier(maintenance_notice_hours=24, maintenance_minutes_per_quarter=60)
    made = world.handed_over()
    server = world.server_of(made)
    begin = JANUARY + 5 * DAY
    after_january.move_to(JANUARY + 2 * DAY)
    window = announce_maintenance(
        actor=SYSTEM,
        title="Firmware",
        region=server.region,
        servers=[server],
        period=Period(begin, begin + timedelta(hours=2)),
    )
    world.outage(server, begin, 120)
    after_january.move_to(FEBRUARY + DAY)

    measure()

    row = ServerMonth.objects.get()
    assert (row.maintenance_seconds, row.down_seconds) == (3600, 3600)
    assert set(Outage.objects.values_list("excluded", "proof")) == {("maintenance", window.public_id), ("", "")}


def test_maintenance_without_its_notice_excludes_nothing(after_january):
    world.tier(maintenance_notice_hours=100)
    made = world.handed_over()
    server = world.server_of(made)
    after_january.move_to(JANUARY + 2 * DAY)
    period = Period(JANUARY + 5 * DAY, JANUARY + 5 * DAY + timedelta(hours=2))
    announce_maintenance(actor=SYSTEM, title="Cables", region=server.region, servers=[server], period=period)
    world.outage(server, period.start, 120)
    after_january.move_to(FEBRUARY + DAY)

    measure()

    assert (ServerMonth.objects.get().maintenance_seconds, ServerMonth.objects.get().down_seconds) == (0, 7200)


def test_what_a_tenant_put_off_was_announced_in_time_though_the_window_was_moved_late(after_january):
    world.tier(maintenance_notice_hours=48, maintenance_minutes_per_quarter=240, may_defer_days=5)
    buyer = factories.buyer()
    server = world.server_of(world.handed_over(buyer=buyer))
    after_january.move_to(JANUARY + 2 * DAY)
    begin = JANUARY + 5 * DAY
    period = Period(begin, begin + timedelta(hours=2))
    window = announce_maintenance(actor=SYSTEM, title="Cables", region=server.region, servers=[server], period=period)
    defer_maintenance(scope=buyer, actor=buyer.actor, window=window, server=server, starts_at=begin + DAY)
    after_january.move_to(JANUARY + 4 * DAY)
    move_maintenance(actor=SYSTEM, window=window, period=Period(begin + 2 * DAY, begin + 3 * DAY))
    world.outage(server, begin + DAY, 120)
    after_january.move_to(FEBRUARY + DAY)

    measure()

    assert (ServerMonth.objects.get().maintenance_seconds, ServerMonth.objects.get().down_seconds) == (7200, 0)


def test_a_late_hand_over_is_credited_by_the_step():
    world.tier(handover_minutes=45, late_credit_percent=Decimal(50))
    world.handed_over(ready_after=timedelta(minutes=45 + 120 + 121))

    measure()

    credit = SlaCredit.objects.get()
    assert (credit.reason, credit.percent) == ("late_handover", Decimal(100))
    assert credit.money == Money(world.price(24), "USD")
    assert credit.arithmetic["late"][0]["steps"] == 2


def test_a_replacement_that_comes_late_is_credited():
    world.tier(replacement_minutes=60, late_credit_percent=Decimal(10))
    made = world.handed_over()
    lost = Allocation.objects.get(reservation=made)
    left_at, came_at = JANUARY + 4 * DAY, JANUARY + 4 * DAY + timedelta(hours=4)
    Allocation.objects.filter(pk=lost.pk).update(
        state="released", occupied=Period(JANUARY + DAY, left_at).as_range(), turnover=None
    )
    Allocation.objects.create(
        reservation=made,
        server=factories.server(),
        position=lost.position,
        hostname=lost.hostname,
        state="serving",
        occupied=Period(left_at, JANUARY + 11 * DAY).as_range(),
        ready_at=came_at,
    )

    assert measure() == 2

    credit = SlaCredit.objects.get()
    assert (credit.reason, credit.arithmetic["late"][0]["late_seconds"]) == ("late_replacement", 3 * 3600)
    assert credit.percent == 10


def test_a_reservation_over_two_months_is_measured_in_each():
    world.tier()
    made = world.handed_over(begin=JANUARY + 28 * DAY, days=3)
    with time_machine.travel(JANUARY + 70 * DAY):
        assert measure() == 1
        assert measure_month(actor=SYSTEM, month=date(2030, 2, 1)) == 0
        assert measure_month(actor=SYSTEM, month=date(2029, 12, 1)) == 0
    assert ServerMonth.objects.get().measured_seconds == 3 * 86_400
    assert ServerMonth.objects.get().reservation == made


def test_only_a_month_that_is_over_can_be_measured(after_january):
    world.handed_over()
    after_january.move_to(FEBRUARY - timedelta(seconds=1))

    with pytest.raises(InvalidInput) as refused:
        measure()
    with pytest.raises(InvalidInput):
        measure_month(actor=SYSTEM, month=date(2029, 12, 2))

    assert refused.value.errors[0].code == "not_over"
    assert not ServerMonth.objects.exists()


def test_the_last_month_is_measured_by_itself_some_hours_after_its_end(after_january):
    world.handed_over()
    after_january.move_to(FEBRUARY + timedelta(hours=5))
    assert measure_due(actor=SYSTEM) == 0
    after_january.move_to(FEBRUARY + timedelta(hours=6))
    assert measure_due(actor=SYSTEM) == 1


@pytest.fixture
def credit():
    world.tier()
    world.outage(world.server_of(world.handed_over()), JANUARY + 3 * DAY, 180)
    measure()
    return SlaCredit.objects.get()


def test_billing_finds_what_is_due_and_takes_it_up_once(credit):
    assert list(credits_to_invoice(credit.organization, date(2030, 2, 1))) == [credit]
    assert not credits_to_invoice(credit.organization, MONTH).exists()
    assert not credits_to_invoice(factories.organization(), date(2030, 2, 1)).exists()

    mark_invoiced(actor=SYSTEM, credit=credit, reference="cg_1")

    assert not credits_to_invoice(credit.organization, date(2030, 2, 1)).exists()
    with pytest.raises(StateConflict):
        mark_invoiced(actor=SYSTEM, credit=credit, reference="cg_2")
    with pytest.raises(StateConflict):
        void_credit(actor=SYSTEM, credit=credit, reason="a mistake")
    credit.refresh_from_db()
    assert (credit.state, credit.state_reason) == ("invoiced", "cg_1")


def test_a_wrong_credit_is_taken_back_with_a_reason(credit):
    with pytest.raises(InvalidInput):
        void_credit(actor=SYSTEM, credit=credit, reason=" ")
    assert void_credit(actor=SYSTEM, credit=credit, reason="the probe was wrong").state == "void"


@pytest.mark.parametrize(
    "act",
    [
        lambda row: SlaCredit.objects.filter(pk=row.pk).update(amount=1),
        lambda row: SlaCredit.objects.filter(pk=row.pk).update(arithmetic={}),
        lambda row: row.delete(),
        lambda _: ServerMonth.objects.update(down_seconds=0),
        lambda _: Outage.objects.all().delete(),
    ],
)
def test_the_database_refuses_to_rewrite_what_was_measured(credit, act):
    before = list(ServerMonth.objects.values()), list(SlaCredit.objects.values())

    with pytest.raises(IntegrityError), transaction.atomic():
        act(credit)

    assert (list(ServerMonth.objects.values()), list(SlaCredit.objects.values())) == before


def test_a_credit_is_written_once_for_a_server_month_and_reason(credit):
    twin = SlaCredit.objects.get()
    twin.pk, twin.public_id = None, "cre_other"

    with pytest.raises(IntegrityError, match="sla_credit_once"), transaction.atomic():
        twin.save(force_insert=True)


def test_a_degraded_time_counts_by_the_tiers_weight():
    world.tier(degraded_weight=Decimal("0.5"))
    made = world.handed_over()
    world.seen(world.server_of(made), Condition.DEGRADED, JANUARY + 2 * DAY, JANUARY + 4 * DAY)

    measure()

    assert ServerMonth.objects.get().availability == Decimal(90)


def test_how_many_servers_there_are_makes_no_difference_to_how_often_the_database_is_asked():
    world.tier()
    counts = []
    for month, servers in ((1, 2), (2, 6)):
        begin = JANUARY + (month - 1) * 31 * DAY + DAY
        with time_machine.travel(begin, tick=False):
            factories.Server.objects.all().update(state="retired")
        made = world.handed_over(begin=begin, days=3, count=servers)
        for position in range(servers):
            world.seen(world.server_of(made, position), Condition.DOWN, begin, begin + timedelta(hours=5))
        with time_machine.travel(JANUARY + 80 * DAY), CaptureQueriesContext(connection) as asked:
            assert measure_month(actor=SYSTEM, month=date(2030, month, 1)) == servers
        counts.append(len(asked))
    assert counts[0] == counts[1]
    assert SlaCredit.objects.count() == 8
