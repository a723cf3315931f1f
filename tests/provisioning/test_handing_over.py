"""The cluster step: who waits for whom, who is left out, and that nobody is handed over before all are one cluster."""

import json
from datetime import timedelta

import pytest

from portal.core import clock
from portal.core.actors import SYSTEM
from portal.fleet.models import NIC, Server
from portal.fleet.states import ServerState
from portal.operations.models import AcceptanceReport, Operation, OperationServer
from portal.operations.selectors import reports_of, waiting_operations
from portal.operations.states import OperationKind, OperationState, PartState
from portal.reservations.handover.kit import kit_of, kit_zip
from portal.reservations.handover.nodes import on_nodes
from portal.reservations.handover.reading import being_handed_over, handed_over
from portal.reservations.services.actions import order
from portal.reservations.states import ReservationState
from provisioning import reconcile
from provisioning.catalogue import CATALOGUE, AwaitStep
from provisioning.drive import drive
from provisioning.handing_over import judge_cluster
from provisioning.runs import HostResult
from tests import factories
from tests.provisioning.cluster_yard import DONE, GATHER, NAMES, STEPS, VERIFY, Yard, deployed, reservation_of, told
from tests.provisioning.metal_stand_in import Died

pytestmark = pytest.mark.django_db

IMAGE = next(index for index, step in enumerate(STEPS) if isinstance(step, AwaitStep))


@pytest.fixture
def yard(monkeypatch, settings):
    settings.METALYARD_NETWORKS = False
    made = Yard()
    monkeypatch.setattr("provisioning.play.run", lambda given: made.run(given))
    return made


@pytest.fixture
def operation(yard):
    return deployed(4)


def put(part, step, state=PartState.AWAITING, deadline=timedelta(hours=1)):
    OperationServer.objects.filter(pk=part.pk).update(
        step=step, state=state, state_deadline_at=clock.now() + deadline, step_started_at=clock.now()
    )


def straggling(operation):
    """Let one server be as far as the wait for its image, and the others gather; return it."""
    straggler = operation.parts.get(position=3)
    put(straggler, IMAGE)
    drive(operation.pk, "w1")
    assert states(operation) == [(GATHER, PartState.AWAITING)] * 3 + [(IMAGE, PartState.AWAITING)]
    return straggler


def states(operation):
    return list(operation.parts.order_by("position").values_list("step", "state"))


def test_all_servers_are_made_one_cluster_and_only_then_handed_over(yard, operation):
    drive(operation.pk, "w1")

    assert yard.runs == [NAMES]
    assert reservation_of(operation).state == ReservationState.ACTIVE
    assert told(operation, "step.hand_over.started") == told(operation, "step.hand_over.done") == NAMES
    assert set(operation.parts.values_list("cluster_key", flat=True)) == {factories.CLUSTER_KEY}
    assert {node.cluster_key for node in handed_over(reservation_of(operation)).nodes} == {factories.CLUSTER_KEY}


def test_servers_wait_for_the_slowest_and_hold_no_worker(yard, operation):
    straggling(operation)

    operation.refresh_from_db()
    assert (operation.claimed_by, operation.state, yard.runs) == ("", OperationState.RUNNING, [])
    assert reservation_of(operation).state == ReservationState.PROVISIONING
    assert not waiting_operations().exists(), "nobody is woken before it is time to look again"
    drive(operation.pk, "w2")
    assert states(operation)[0] == (GATHER, PartState.AWAITING)


def test_those_that_wait_for_one_another_are_no_reports_to_come(operation):
    straggling(operation)

    assert reports_of(operation.pk) == (0, 1)


def test_one_that_comes_late_is_not_left_behind(yard, operation):
    """Ready at the gathering step while the others wait there already: the others must not go without it."""
    straggler = straggling(operation)
    put(straggler, GATHER, PartState.READY)

    drive(operation.pk, "w1")

    assert yard.runs == [NAMES]
    assert reservation_of(operation).state == ReservationState.ACTIVE


def test_when_the_slowest_fails_under_way_the_others_go_on(yard, operation):
    straggler = straggling(operation)
    OperationServer.objects.filter(pk=straggler.pk).update(step_started_at=clock.now() - timedelta(hours=3))

    drive(operation.pk, "w1")

    assert yard.runs == [NAMES[:3]]
    assert (reservation_of(operation).state, reservation_of(operation).degraded) == (ReservationState.ACTIVE, True)


def test_when_somebody_else_fails_the_slowest_the_others_are_woken_by_the_time(yard, operation):
    straggler = straggling(operation)
    OperationServer.objects.filter(pk=straggler.pk).update(state=PartState.FAILED, error_code="worker_lost")
    assert not waiting_operations().exists()

    operation.parts.filter(state=PartState.AWAITING).update(state_deadline_at=clock.now())
    assert list(waiting_operations()) == [operation]
    drive(operation.pk, "w1")

    assert yard.runs == [NAMES[:3]]
    assert reservation_of(operation).state == ReservationState.ACTIVE


def test_time_to_look_again_that_brings_nothing_is_put_off(yard, operation):
    straggling(operation)
    operation.parts.filter(step=GATHER).update(state_deadline_at=clock.now())

    drive(operation.pk, "w1")

    assert not waiting_operations().exists()
    assert yard.runs == []


def test_a_cancelled_and_a_finished_server_hold_nobody_up(yard, operation):
    straggler, done = straggling(operation), operation.parts.get(position=2)
    OperationServer.objects.filter(pk=straggler.pk).update(state=PartState.CANCELLED)
    put(done, DONE, PartState.READY)

    drive(operation.pk, "w1")

    assert yard.runs == [NAMES[:2]]


@pytest.mark.parametrize("deaths", [1, 2])
def test_a_worker_that_dies_at_it_is_followed_by_one_that_does_it_again(yard, operation, deaths):
    yard.dies = deaths
    for _ in range(deaths):
        with pytest.raises(Died):
            drive(operation.pk, "w1")
        Operation.objects.update(claim_expires_at=clock.now())
        reconcile.take_lost_claims_away()
    drive(operation.pk, "w2")

    assert yard.runs == [NAMES] * (deaths + 1)
    assert reservation_of(operation).state == ReservationState.ACTIVE
    assert told(operation, "step.hand_over.started") == NAMES


def test_a_server_that_no_other_reaches_is_tried_twice_and_left_out(yard, operation):
    yard.cut_off = {"train-02"}

    drive(operation.pk, "w1")

    failed = operation.parts.get(hostname="train-02")
    assert yard.runs == [NAMES, NAMES, ["train-01", "train-03", "train-04"]]
    assert (failed.state, failed.error_code) == (PartState.FAILED, "peers_unreachable")
    assert told(operation, "step.retried") == told(operation, "server.failed") == ["train-02"]
    assert set(operation.parts.exclude(pk=failed.pk).values_list("state", flat=True)) == {PartState.SUCCEEDED}
    assert failed.cluster_key == ""
    assert reservation_of(operation).degraded


def test_a_server_that_cannot_be_worked_on_is_left_out_by_its_own_reason(yard, operation):
    yard.silent, yard.cut_off = {"train-01": "ssh_unreachable"}, {"train-01"}

    drive(operation.pk, "w1")

    assert operation.parts.get(hostname="train-01").error_code == "ssh_unreachable"
    assert yard.runs[-1] == NAMES[1:]
    assert set(operation.parts.exclude(hostname="train-01").values_list("state", flat=True)) == {PartState.SUCCEEDED}


def test_doing_it_again_because_of_others_is_no_attempt(yard, operation):
    yard.silent, yard.cut_off = {"train-01": "ssh_unreachable"}, {"train-02"}

    drive(operation.pk, "w1")

    assert yard.runs == [NAMES] * 2 + [NAMES[1:]] * 2 + [NAMES[2:]]
    assert told(operation, "step.retried") == ["train-01", "train-02"]
    assert operation.parts.filter(state=PartState.SUCCEEDED).count() == 2


def test_two_that_do_not_reach_each_other_both_fail_with_the_pair(yard):
    operation = deployed(2)
    yard.cut_off = {"train-01"}

    drive(operation.pk, "w1")

    assert reservation_of(operation).state == ReservationState.FAILED
    reason = operation.parts.first().state_reason
    assert reason == "The server and the others of its reservation do not reach one another over SSH."


def test_one_server_alone_is_a_cluster(yard):
    operation = deployed(1)

    drive(operation.pk, "w1")

    assert (len(yard.runs), reservation_of(operation).state) == (1, ReservationState.ACTIVE)


@pytest.mark.parametrize("said", ["", "{", "[]", '{"answer": 1}', '{"answer": "[]"}', '{"answer": "{\\"peers\\": 3}"}'])
def test_an_answer_that_cannot_be_read_fails_its_server(yard, operation, monkeypatch, said):
    spoilt = operation.parts.get(position=0)
    read = kept_by(monkeypatch, spoilt.pk, said)

    drive(operation.pk, "w1")

    spoilt.refresh_from_db()
    assert read
    assert spoilt.error_code == "handover_failed"
    assert reservation_of(operation).degraded


def kept_by(monkeypatch, pk, said):
    """Let what a server said in the cluster step be something else; return a list of how often it was."""
    seen = []

    def judge(parts, hosts, kept):
        seen.append(1)
        return judge_cluster(parts, hosts, {**kept, pk: said})

    monkeypatch.setattr("provisioning.play.judge_cluster", judge)
    return seen


def test_a_peer_that_was_not_tried_counts_as_not_reached(operation):
    one, other = operation.parts.select_related("server").order_by("position")[:2]
    hosts = {part.server.public_id: HostResult(ok=True) for part in (one, other)}
    peers = {one.pk: {other.hostname: "No\x1b[2J \n route"}, other.pk: {}}
    kept = {pk: json.dumps({"answer": json.dumps({"peers": found})}) for pk, found in peers.items()}

    found = judge_cluster([one, other], hosts, kept)

    assert {pk: result.error for pk, result in found.items()} == dict.fromkeys(
        peers, f"{one.hostname} to {other.hostname}: No [2J route; {other.hostname} to {one.hostname}: not tried"
    )


def test_the_kit_on_the_servers_is_the_view_from_inside(yard, operation):
    for number, part in enumerate(operation.parts.all(), 1):
        NIC.objects.filter(server=part.server).delete()
        NIC.objects.create(
            server=part.server, mac=f"52:54:00:00:01:0{number}", address=f"10.9.0.{number}", prefix_length=24
        )
    drive(operation.pk, "w1")

    (keys, archive) = yard.given[0]
    whole = handed_over(reservation_of(operation))
    assert keys == []
    assert archive == kit_zip(on_nodes(whole))
    assert b"HostName 10.9.0.1\n    Port 22\n" in kit_of(on_nodes(whole))["ssh_config"]
    assert AcceptanceReport.objects.count() == 4


def test_a_server_installed_anew_knows_the_others_and_their_keys(yard, operation):
    drive(operation.pk, "w1")
    reservation = reservation_of(operation)
    allocation = reservation.allocations.get(hostname="train-01")
    again = order(actor=SYSTEM, allocation=allocation, kind=OperationKind.REINSTALL)
    steps = CATALOGUE[OperationKind.REINSTALL].steps
    again.parts.update(step=len(steps) - 3, host_keys=["ssh-ed25519 ANEW"])

    drive(again.pk, "w1")

    keys, archive = yard.given[-1]
    assert yard.runs[-1] == ["train-01"]
    assert keys == [f"{factories.CLUSTER_KEY} {name}" for name in NAMES[1:]]
    assert archive == kit_zip(on_nodes(handed_over(reservation)))
    again.refresh_from_db()
    assert again.state == OperationState.SUCCEEDED


def test_what_is_deployed_for_no_reservation_is_a_cluster_by_itself(operation):
    Operation.objects.filter(pk=operation.pk).update(subject="")

    found = being_handed_over(list(operation.parts.select_related("server", "operation__image")))

    assert [node.hostname for node in found.nodes] == NAMES
    assert {(node.user, node.host_keys) for node in found.nodes} == {
        (operation.image.default_user, (factories.HOST_KEY,))
    }
    assert found.reservation == operation.public_id


def test_who_takes_a_failed_ones_place_is_waited_for_and_becomes_part_of_the_cluster(yard, operation):
    spare = factories.servers(1)[0]
    yard.silent = {"train-02": "ssh_unreachable"}
    drive(operation.pk, "w1")

    instead = operation.parts.get(server=spare)
    assert (instead.hostname, instead.state) == ("train-02", PartState.AWAITING)
    assert states(operation)[0] == (GATHER, PartState.AWAITING)
    yard.silent = {}
    put(instead, VERIFY, PartState.READY)
    OperationServer.objects.filter(pk=instead.pk).update(host_keys=[factories.HOST_KEY])
    drive(operation.pk, "w1")

    reservation = reservation_of(operation)
    assert yard.runs == [NAMES, NAMES, NAMES]
    assert (reservation.state, reservation.degraded) == (ReservationState.ACTIVE, False)
    assert told(operation, "server.replaced") == ["train-02"]
    assert set(Server.objects.filter(parts__state=PartState.FAILED).values_list("state", flat=True)) == {
        ServerState.DEPLOY_FAILED
    }
