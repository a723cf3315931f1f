"""The cluster step's measurement: who measures over whom, what is kept, and that all fail or none."""

import pytest

from portal.audit.models import AuditEvent
from portal.core.actors import SYSTEM
from portal.fleet.models import ServerType
from portal.operations.models import ClusterReport
from portal.operations.states import OperationKind, PartState
from portal.reservations.handover.reading import handed_over
from portal.reservations.handover.report import report_document
from portal.reservations.services.actions import order
from portal.reservations.states import ReservationState
from provisioning.catalogue import CATALOGUE
from provisioning.drive import drive
from tests import factories
from tests.provisioning.cluster_yard import GATHER, NAMES, Yard, deployed, reservation_of, told

pytestmark = pytest.mark.django_db


@pytest.fixture
def yard(monkeypatch, settings):
    settings.METALYARD_NETWORKS = False
    made = Yard()
    monkeypatch.setattr("provisioning.play.run", lambda given: made.run(given))
    return made


@pytest.fixture
def operation(yard):
    return deployed(4)


def promised(least, most=0, **kind):
    ServerType.objects.update(allreduce_busbw_gbps_min=least, allreduce_busbw_gbps_max=most, **kind)


def clusters(operation):
    return report_document(handed_over(reservation_of(operation)))["clusters"]


def test_the_bandwidth_is_measured_by_the_first_of_the_fabric_and_kept_with_the_pairs(yard, operation):
    promised(350, 500)
    drive(operation.pk, "w1")

    (found,) = clusters(operation)
    in_order = [node.hostname for node in handed_over(reservation_of(operation)).nodes]
    assert yard.measuring == [in_order]
    assert (found["verdict"], found["pairs"], sorted(found["hostnames"])) == ("passed", 12, NAMES)
    assert found["all_reduce"]["result"] == "test_double"
    assert 350 < found["all_reduce"]["peak_busbw"] < 400
    assert found["all_reduce"]["expected"] == "350 to 500 GB/s over 32 GPUs"
    assert "all_reduce" in report_document(handed_over(reservation_of(operation)))["test_doubles"]
    assert AuditEvent.objects.get(verb="acceptance.cluster_reported").target == operation.public_id


def test_a_type_that_promises_nothing_is_not_measured_and_the_report_says_so(yard, operation):
    drive(operation.pk, "w1")

    (found,) = clusters(operation)
    assert yard.measuring == []
    assert (found["all_reduce"]["result"], found["all_reduce"]["found"]) == ("not_run", "nothing is promised")


def test_a_bandwidth_that_is_too_low_twice_fails_all_and_no_other_takes_their_place(yard, operation):
    factories.servers(2)
    promised(350)
    yard.slow = [10, 10]

    drive(operation.pk, "w1")

    assert yard.runs == [NAMES, NAMES]
    assert set(operation.parts.values_list("state", "error_code")) == {(PartState.FAILED, "allreduce_slow")}
    assert operation.parts.count() == 4
    assert reservation_of(operation).state == ReservationState.FAILED
    assert not ClusterReport.objects.exists()
    assert set(operation.parts.values_list("cluster_key", flat=True)) == {""}


def test_a_bandwidth_that_is_too_low_once_is_measured_again(yard, operation):
    promised(350)
    yard.slow = [10]

    drive(operation.pk, "w1")

    assert yard.runs == [NAMES, NAMES]
    assert told(operation, "step.retried") == NAMES
    assert reservation_of(operation).state == ReservationState.ACTIVE


def test_one_that_used_up_its_attempts_before_is_not_blamed_for_all(yard, operation):
    """Its own trouble came first; that all are slow together then is no third attempt of its own."""
    promised(350)
    yard.slow, yard.silent = [1, 10], {"train-02": "handover_failed"}
    whole = yard.run

    def run(given):
        found = whole(given)
        if given.playbook == "hand_over.yml":
            yard.silent = {}
        return found

    yard.run = run
    drive(operation.pk, "w1")

    assert yard.runs == [NAMES] * 3
    assert (reservation_of(operation).state, reservation_of(operation).degraded) == (ReservationState.ACTIVE, False)


@pytest.mark.parametrize(("most", "double"), [(360, True), (0, False)])
def test_what_is_implausible_or_a_double_of_real_servers_is_no_measurement(yard, operation, most, double):
    promised(350, most)
    operation.parts.update(step=GATHER)
    if not double:
        ServerType.objects.update(is_emulated=False)

    drive(operation.pk, "w1")

    assert set(operation.parts.values_list("error_code", flat=True)) == {"allreduce_failed"}
    assert reservation_of(operation).state == ReservationState.FAILED


def test_one_server_installed_anew_is_measured_alone_and_the_others_keep_their_report(yard, operation):
    promised(350)
    drive(operation.pk, "w1")
    allocation = reservation_of(operation).allocations.get(hostname="train-01")
    again = order(actor=SYSTEM, allocation=allocation, kind=OperationKind.REINSTALL)
    again.parts.update(step=len(CATALOGUE[OperationKind.REINSTALL].steps) - 3, host_keys=["ssh-ed25519 ANEW"])

    drive(again.pk, "w1")

    assert yard.measuring[-1] == ["train-01"], "the others may be at work"
    assert [item["hostnames"] for item in clusters(operation)] == [NAMES, ["train-01"]]
