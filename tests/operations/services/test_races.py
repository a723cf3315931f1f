"""Workers and machines at once: one holds an operation, one report counts, and nobody waits for somebody who waits."""

from datetime import timedelta

import pytest
from django.db import OperationalError, transaction

from portal.core import clock
from portal.core.actors import SYSTEM
from portal.core.errors import BootTokenRefused, ClaimLost, StateConflict
from portal.core.locks import lock_row, lock_rows
from portal.fleet.models import Server
from portal.operations.models import BootToken, Operation, OperationEvent, OperationServer
from portal.operations.selectors import events_of
from portal.operations.services import agents, claims, steps
from portal.operations.services.agents import BootJob
from portal.operations.services.claims import Claim
from portal.operations.services.erasing import erase_anew
from portal.operations.services.queue import cancel_operation
from portal.operations.states import OperationState
from tests import factories
from tests.racing import Runner, await_blocked, kinds, race

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = timedelta(hours=1)


def test_an_operation_is_taken_by_one_worker(operation):
    outcomes = race(8, lambda number: claims.take(operation_pk=operation.pk, worker=f"w{number}"))

    assert kinds(outcomes) == {Claim: 1, type(None): 7}
    (claim,) = filter(None, outcomes)
    operation.refresh_from_db()
    assert (operation.claimed_by, operation.epoch) == (claim.worker, 1)


def take_by_looking_first(operation, worker):
    """Take an operation as one would without compare-and-set: look, then write."""
    row = Operation.objects.get(pk=operation.pk)
    if row.claimed_by:
        return None
    yield_to_the_others(operation)
    row.claimed_by, row.claim_expires_at, row.epoch = worker, clock.now() + HOUR, row.epoch + 1
    row.save(update_fields=["claimed_by", "claim_expires_at", "epoch"])
    return Claim(row.pk, row.epoch, worker, row.claim_expires_at)


def yield_to_the_others(operation):
    """Wait at the row that the test holds until all have looked."""
    with transaction.atomic():
        lock_row(OperationServer, operation.parts.first().pk)


def test_control_who_only_looks_first_takes_what_others_take(operation):
    with transaction.atomic():
        lock_row(OperationServer, operation.parts.first().pk)
        racers = [Runner(take_by_looking_first, operation, f"w{number}") for number in range(8)]
        await_blocked(8)

    outcomes = [racer.result() for racer in racers]
    assert kinds(outcomes) == {Claim: 8}
    assert {claim.epoch for claim in outcomes} == {1}, "every one of them believes that it holds the only claim"


def test_a_claim_is_not_prolonged_while_it_is_taken_away(operation, claim):
    """The old worker's heartbeat waits for the cancellation and finds the claim gone."""
    with transaction.atomic():
        lock_row(Operation, operation.pk)
        heartbeat = Runner(lambda: claims.renew(claim=claim))
        await_blocked(1)
        cancel_operation(actor=SYSTEM, operation=operation, reason="test")

    assert heartbeat.result() is None


def test_a_write_that_waits_for_a_cancellation_is_not_written(operation, claim):
    part = operation.parts.first()
    with transaction.atomic():
        lock_row(Operation, operation.pk)
        write = Runner(lambda: steps.fail_part(claim=claim, part_pk=part.pk, error_code="run_failed"))
        await_blocked(1)
        cancel_operation(actor=SYSTEM, operation=operation, reason="test")

    assert isinstance(write.result(), ClaimLost)
    part.refresh_from_db()
    assert (part.state, part.error_code) == ("cancelled", "")


def boots(claim, operation, purpose="image"):
    return [
        steps.issue_boots(claim=claim, part_pks=[part.pk], purpose=purpose, valid_for=HOUR)[part.pk]
        for part in operation.parts.order_by("position")
    ]


def test_a_job_is_given_once_to_many_who_ask_at_once(operation, claim):
    token = boots(claim, operation)[0]

    outcomes = race(8, lambda _: agents.open_boot(token=token, address="192.0.2.7"))

    assert kinds(outcomes) == {BootJob: 1, BootTokenRefused: 7}
    assert BootToken.objects.filter(purpose="first_boot").count() == 1


def test_a_result_counts_once_of_many_that_are_reported_at_once(operation, claim):
    token = boots(claim, operation)[0]
    agents.open_boot(token=token, address="192.0.2.7")

    outcomes = race(8, lambda n: agents.report_done(token=token, address="192.0.2.7", result={"ok": True, "n": n}))

    assert kinds(outcomes) == {type(None): 1, BootTokenRefused: 7}
    assert BootToken.objects.exclude(reported_at=None).get().result["n"] == outcomes.index(None)


def hold(operation):
    """Lock an operation and then its parts, as every worker does."""
    lock_row(Operation, operation.pk)
    lock_rows(OperationServer.objects.filter(operation=operation))


@pytest.mark.parametrize("ask", ["open", "progress", "done"])
def test_a_report_and_a_cancellation_do_not_wait_for_each_other(operation, claim, ask):
    """Whoever holds the part comes first; the machine must not hold its boot meanwhile."""
    token = boots(claim, operation)[0]
    if ask != "open":
        agents.open_boot(token=token, address="192.0.2.7")
    acts = {
        "open": lambda: agents.open_boot(token=token, address="192.0.2.7"),
        "progress": lambda: agents.report_progress(token=token, address="192.0.2.7", percent=5),
        "done": lambda: agents.report_done(token=token, address="192.0.2.7", result={"ok": True}),
    }

    with transaction.atomic():
        hold(operation)
        machine = Runner(acts[ask])
        await_blocked(1)
        cancel_operation(actor=SYSTEM, operation=operation, reason="test")

    assert isinstance(machine.result(), BootTokenRefused)
    operation.refresh_from_db()
    assert operation.state == OperationState.CANCELLED


def report_boot_first(token):
    """Report progress as one would who knows only of the boot: lock it, then write to its part."""
    with transaction.atomic():
        boot = BootToken.objects.select_for_update().get(token_sha256=agents.sha256(token.encode()).hexdigest())
        OperationServer.objects.filter(pk=boot.part_id).update(percent=5)


def test_control_who_locks_the_boot_first_waits_for_who_waits_for_it(operation, claim):
    token = boots(claim, operation)[0]
    outcomes, machines = [], []

    try:
        with transaction.atomic():
            hold(operation)
            machines.append(Runner(report_boot_first, token))
            await_blocked(1)
            cancel_operation(actor=SYSTEM, operation=operation, reason="test")
    except OperationalError as error:
        outcomes.append(error)
    outcomes += [machine.result() for machine in machines]

    assert [str(outcome).splitlines()[0] for outcome in outcomes if outcome] == ["deadlock detected"]


def test_who_follows_the_events_by_id_misses_none(operation, claim):
    """An event with a lower id must not become visible after one with a higher id was read."""
    tokens = boots(claim, operation)
    first, _ = operation.parts.order_by("position")

    with transaction.atomic():
        steps.begin_work(claim=claim, part_pks=[first.pk], stage="installer", time_limit=HOUR)
        machine = Runner(lambda: agents.open_boot(token=tokens[1], address="192.0.2.7"))
        await_blocked(1)
        seen = Runner(lambda: [event.pk for event in events_of(operation.subject)]).result()

    assert isinstance(machine.result(), BootJob)
    assert [event.pk for event in events_of(operation.subject)][: len(seen)] == seen
    newest = OperationEvent.objects.filter(subject=operation.subject).order_by("pk").values_list("type", flat=True)
    assert list(newest)[-2:] == ["step.installer.started", "step.image.opened"]


def test_a_server_is_erased_anew_once_of_many_who_ask_at_once():
    server = factories.server(state="quarantined")

    outcomes = race(8, lambda _: erase_anew(actor=SYSTEM, server=Server.objects.get(), reason="test"))

    assert kinds(outcomes) == {Operation: 1, StateConflict: 7}
    assert OperationServer.objects.get().server == server
