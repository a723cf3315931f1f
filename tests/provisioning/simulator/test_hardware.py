"""What an emulated BMC lists of its server's hardware, over HTTPS: collections, expanded where that is asked for."""

from __future__ import annotations

import ssl

import httpx
import pytest

from tests.provisioning.simulator.emulator import entry, running, uuid_of, write_fleet

SYSTEM = f"/redfish/v1/Systems/{uuid_of(1)}"


@pytest.fixture(scope="module")
def get(tmp_path_factory, demo_tls):
    """Asks the BMC of a running fleet of one."""
    folder = tmp_path_factory.mktemp("fleet")
    port = write_fleet(folder, [entry(1)], cert=demo_tls.certificate, key=demo_tls.key)
    context = ssl.create_default_context(cafile=demo_tls.ca)
    with running(folder), httpx.Client(base_url=f"https://127.0.0.1:{port}", verify=context, timeout=60) as client:
        yield lambda path: client.get(path, auth=("user1", "password-1"))


def test_the_root_says_what_can_be_expanded_to_everybody(get):
    features = get("/redfish/v1/").json()["ProtocolFeaturesSupported"]["ExpandQuery"]

    assert (features["NoLinks"], features["Levels"], features["MaxLevels"]) == (True, True, 2)


@pytest.mark.parametrize("name, count", [("Processors", 9), ("Memory", 8), ("EthernetInterfaces", 1)])
def test_the_system_leads_to_collections_and_they_to_members(get, name, count):
    path = get(SYSTEM).json()[name]["@odata.id"]
    found = get(path).json()
    expanded = get(f"{path}?$expand=.($levels=1)").json()

    assert found["Members@odata.count"] == len(found["Members"]) == count
    assert [get(member["@odata.id"]).json() for member in found["Members"]] == expanded["Members"]


def test_metrics_of_memory_are_a_second_level(get):
    one, *_ = get(f"{SYSTEM}/Memory").json()["Members"]
    metrics = get(one["@odata.id"]).json()["Metrics"]
    whole, *_ = get(f"{SYSTEM}/Memory?$expand=.($levels=2)").json()["Members"]

    assert set(metrics) == {"@odata.id"}
    assert get(metrics["@odata.id"]).json() == whole["Metrics"]
    assert whole["Metrics"]["CurrentPeriod"]["UncorrectableECCErrorCount"] == 0


@pytest.mark.parametrize("query", ["*", ".($levels=0)", ".($levels=3)", ".($levels=x)", ""])
def test_what_cannot_be_expanded_is_refused(get, query):
    assert get(f"{SYSTEM}/Processors?$expand={query}").status_code == 400


@pytest.mark.parametrize("path", ["EthernetInterfaces/x", "Memory/x/MemoryMetrics", "LogServices/EventLog/Entries/1"])
def test_what_is_not_there_is_not_found(get, path):
    assert get(f"{SYSTEM}/{path}").status_code == 404


def test_the_event_log_is_empty(get):
    service = get(f"{SYSTEM}/LogServices/EventLog").json()

    assert get(service["Entries"]["@odata.id"]).json()["Members"] == []
