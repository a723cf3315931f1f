"""The hand-over kit's card on a reservation's page: what was found between the servers, and what stood in for it."""

import pytest

from portal.operations.models import ClusterReport, Operation
from provisioning.acceptance.bandwidth import Bandwidth, cluster_report_of

BAND = "at least 350 GB/s over 16 GPUs"


@pytest.mark.parametrize(
    ("bandwidth", "words"),
    [
        (
            Bandwidth(BAND, "397 GB/s at the peak", "passed", "", 397.0),
            f"passed, 397 GB/s at the peak (expected {BAND})",
        ),
        (
            Bandwidth(BAND, "397 GB/s at the peak", "test_double", "", 397.0),
            f"test double, 397 GB/s at the peak (expected {BAND})",
        ),
        (Bandwidth("nothing is promised", "nothing is promised", "not_run"), "not run, nothing is promised."),
    ],
    ids=lambda item: item.result if isinstance(item, Bandwidth) else "",
)
def test_the_page_says_how_fast_the_servers_are_together_and_whether_that_was_measured(web, active, bandwidth, words):
    servers = list(active.allocations.values_list("server__public_id", "hostname"))
    operation = Operation.objects.filter(subject=active.public_id).first()
    ClusterReport.objects.create(operation=operation, document=cluster_report_of(servers, bandwidth))

    page = web.get(f"/reservations/{active.public_id}")

    text = " ".join(page.content.decode().split())
    assert f"NCCL all-reduce: {words}" in text
    assert ("test doubles stood in" in text) == (bandwidth.result == "test_double")


def test_a_page_of_servers_between_which_nothing_was_found_says_nothing_of_it(web, active):
    assert "all-reduce:" not in web.get(f"/reservations/{active.public_id}").content.decode()
