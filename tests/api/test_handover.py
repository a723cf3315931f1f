"""The hand-over kit by API."""

import io
import zipfile
from hashlib import sha256

from portal.api.serializers.handover import AllReduceOut, ClusterReportOut, ReportOut
from portal.operations.models import ClusterReport, Operation
from portal.reservations.handover.kit import KIT, LASTING
from portal.reservations.services.lifecycle import release
from provisioning.acceptance.bandwidth import Bandwidth, cluster_report_of
from tests import factories
from tests.api.client import assert_problem
from tests.web.conftest import browser_of


def test_the_kit_is_listed_zipped_and_given_file_by_file(api, active):
    address = f"/reservations/{active.public_id}/handover"

    listed = api.get(address).json()["data"]
    archive = api.get(address, {"format": "zip"})

    assert [entry["name"] for entry in listed] == list(KIT)
    assert archive.headers["Content-Type"] == "application/zip"
    opened = zipfile.ZipFile(io.BytesIO(archive.content))
    for entry in listed:
        reply = api.get(f"{address}/{entry['name']}")
        assert reply.status_code == 200
        assert reply.headers["Content-Type"] == KIT[entry["name"]].media_type
        assert sha256(reply.content).hexdigest() == entry["sha256"]
        assert opened.read(f"handover/{entry['name']}") == reply.content


def test_the_files_name_the_servers_and_their_keys(api, active):
    address = f"/reservations/{active.public_id}/handover"
    names = list(active.allocations.order_by("position").values_list("hostname", flat=True))

    assert [line.split()[0] for line in api.get(f"{address}/hostfile").content.decode().splitlines()] == names
    assert api.get(f"{address}/known_hosts").content.decode().count(factories.HOST_KEY) == len(names)


def test_there_is_no_other_file(api, active):
    reply = api.get(f"/reservations/{active.public_id}/handover/id_ed25519")

    assert_problem(reply, 404, "not_found")


def test_there_is_no_kit_before_the_hand_over(api, buyer):
    row = factories.reservation(buyer, starts_at=None)

    assert_problem(api.get(f"/reservations/{row.public_id}/handover"), 409, "state_conflict")
    assert_problem(api.get(f"/reservations/{row.public_id}/handover/hosts"), 409, "state_conflict")


def test_the_report_has_what_was_found_between_the_servers(api, active):
    servers = list(active.allocations.values_list("server__public_id", flat=True))
    operation = Operation.objects.filter(subject=active.public_id).first()
    bandwidth = Bandwidth("at least 350 GB/s over 16 GPUs", "397 GB/s at the peak", "test_double", "", 397.0)
    document = cluster_report_of([(server, server) for server in servers], bandwidth)
    ClusterReport.objects.create(operation=operation, document=document)

    report = api.get(f"/reservations/{active.public_id}/handover/report.json").json()

    (found,) = report["clusters"]
    assert (found["servers"], found["all_reduce"]["peak_busbw"]) == (servers, 397.0)
    assert set(report) == set(ReportOut().fields)
    assert set(found) == set(ClusterReportOut().fields)
    assert set(found["all_reduce"]) == set(AllReduceOut().fields)


def test_the_report_stays_when_the_reservation_is_over(api, buyer, active):
    address = f"/reservations/{active.public_id}/handover"
    before = {name: api.get(f"{address}/{name}").content for name in LASTING}
    web = browser_of(buyer)
    release(scope=buyer, actor=buyer.actor, reservation=active)

    page = web.get(f"/reservations/{active.public_id}").content.decode()

    for name in LASTING:
        assert api.get(f"{address}/{name}").content == before[name]
        assert f'href="{address}/{name}"' in page
        assert web.get(f"{address}/{name}").content == before[name]
    assert_problem(api.get(f"{address}/hosts"), 409, "state_conflict")
    assert web.get(f"{address}/hosts").status_code == 404
