"""BMCs that give their collections otherwise than the emulated ones: one by one, elsewhere, in pages, not at all."""

import json
import time
from datetime import UTC, datetime

import pytest

from provisioning.credentials import Login
from provisioning.host_logger import make_client
from provisioning.redfish import Asking
from provisioning.watching import BASEBOARD, MOST_ENTRIES, Watched, watch
from tests.playbooks.conftest import make_certificate
from tests.provisioning.bmc_stand_in import answering

ROOT, OWN, OTHER = "/redfish/v1/", "/redfish/v1/Systems/s1", f"/redfish/v1/Systems/{BASEBOARD}"
SINCE = datetime(2030, 1, 1, tzinfo=UTC)
FATAL = {
    "MessageId": "ResourceEvent.1.0.ResourceErrorsDetected",
    "MessageArgs": ["GPU_SXM_1 Driver Event Message", "[1][2][0] XID 48 DBE"],
    "Created": "2030-01-02T00:00:00+00:00",
}


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("tls"), "bmc")


@pytest.fixture
def ask(tls, settings):
    """Asks a BMC that has these resources, by path; gives what it said and the paths that were asked for."""
    settings.METALYARD_BMC_CA_FILE = str(tls[0])

    def act(resources, deadline=None):
        with answering(*tls) as said, make_client() as http:
            said.body = lambda path: json.dumps(resources[path]).encode() if path in resources else b""
            limit = time.monotonic() + 60 if deadline is None else deadline
            asking = Asking(http, said.address, Login("admin", "secret"), limit)
            seen = watch(asking, Watched("s1", 2, ["aa:00"], SINCE))
            return {kind.value: condition.value for kind, (condition, _) in seen.items()}, said.asked

    return act


def shelf(path, *members):
    """Return a collection that gives links only, and its members."""
    found = {f"{path}/{number}": member | {"@odata.id": f"{path}/{number}"} for number, member in enumerate(members)}
    return {path: {"Members": [{"@odata.id": link} for link in found]}} | found


def gpu(health="OK"):
    return {"ProcessorType": "GPU", "Status": {"State": "Enabled", "Health": health}}


def test_a_bmc_that_expands_nothing_is_asked_for_the_members(ask):
    port = {"MACAddress": "aa:00", "LinkStatus": "LinkUp"}
    resources = shelf(f"{OWN}/Processors", gpu(), gpu("Critical")) | shelf(f"{OWN}/EthernetInterfaces", port)

    seen, asked = ask({ROOT: {}, **resources, f"{OWN}/LogServices/EventLog/Entries": {"Members": []}})

    assert seen == {"gpu_count": "down", "xid_ecc": "up", "link": "up"}
    assert len(asked) == 1 + 3 + 1 + 2


def test_gpus_may_be_those_of_a_board_with_a_system_of_its_own(ask):
    entries = f"{OTHER}/LogServices/EventLog/Entries"
    own = shelf(f"{OWN}/Processors", {"ProcessorType": "CPU"})

    seen, _ = ask({**own, **shelf(f"{OTHER}/Processors", gpu(), gpu()), entries: {"Members": [FATAL]}})

    assert seen == {"gpu_count": "up", "xid_ecc": "down", "link": "unknown"}


def test_of_a_log_in_pages_the_newest_is_read(ask):
    entries = f"{OWN}/LogServices/EventLog/Entries"
    first = {"Members": [], "Members@odata.count": 1000, "Members@odata.nextLink": f"{entries}?$skip=50"}
    last = f"{entries}?$skip={1000 - MOST_ENTRIES}&$top={MOST_ENTRIES}"

    seen, _ = ask({entries: first, last: {"Members": [FATAL]}})

    assert seen["xid_ecc"] == "down"


@pytest.mark.parametrize("broken", [[], {"Members": None}, {"Members": [None, 7, {}]}, {"Members": [{"@odata.id": 1}]}])
def test_a_bmc_that_gives_nothing_of_use_says_nothing(ask, broken):
    paths = [f"{OWN}/{name}" for name in ("Processors", "EthernetInterfaces", "LogServices/EventLog/Entries")]
    seen, _ = ask(dict.fromkeys([ROOT, *paths[:2]], broken) | {paths[2]: 7})

    assert seen == {"gpu_count": "unknown", "xid_ecc": "unknown", "link": "unknown"}


def test_no_link_leads_to_another_host(ask):
    seen, asked = ask({f"{OWN}/Processors": {"Members": [{"@odata.id": "@example.org/"}]}})

    assert seen["gpu_count"] == "unknown"
    assert not [path for path in asked if "example" in path]


def test_nothing_is_asked_after_the_deadline(ask):
    assert ask({ROOT: {}}, deadline=time.monotonic() - 1) == ({}, [])
