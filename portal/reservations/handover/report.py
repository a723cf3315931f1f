"""What was checked before the hand-over, for all servers of a reservation: report.json."""

import json
from collections.abc import Mapping
from typing import Any

from portal.reservations.handover.nodes import Cluster, Node

SCHEMA = "metalyard.report/1"
ELSEWHERE = "What was found between the servers is in the report that the portal gives."
NOT_RUN, TEST_DOUBLE = "not_run", "test_double"


def report_document(cluster: Cluster) -> dict[str, Any]:
    """Return the report: each server's checks, what was found between them, and where test doubles stood in."""
    nodes = [_node(node) for node in cluster.nodes]
    clusters = [_cluster(measured) for measured in cluster.measured]
    doubles = sorted({name for item in (*nodes, *clusters) for name in item["test_doubles"]})
    return {
        "schema": SCHEMA,
        "reservation": cluster.reservation,
        "verdict": _verdict([node["verdict"] for node in nodes]),
        "test_doubles": doubles,
        "note": " ".join(filter(None, (_note(doubles), _missing(nodes), ELSEWHERE if cluster.is_on_nodes else ""))),
        "clusters": clusters,
        "nodes": nodes,
    }


def report_json(cluster: Cluster) -> str:
    """Return the report as a file."""
    return json.dumps(report_document(cluster), indent=2, sort_keys=True) + "\n"


def _node(node: Node) -> dict[str, Any]:
    report = node.report or {}
    checks = list(report.get("checks", []))
    return {
        "server": node.server,
        "hostname": node.hostname,
        "verdict": report.get("verdict", NOT_RUN),
        "test_doubles": sorted(check["name"] for check in checks if check["result"] == TEST_DOUBLE),
        "checks": checks,
    }


def _cluster(measured: Mapping[str, Any]) -> dict[str, Any]:
    bandwidth = measured["all_reduce"]
    return {
        "servers": list(measured["servers"]),
        "hostnames": list(measured["hostnames"]),
        "checked_at": measured["at"].isoformat(timespec="seconds"),
        "verdict": measured["verdict"],
        "test_doubles": ["all_reduce"] if bandwidth["result"] == TEST_DOUBLE else [],
        "pairs": measured["pairs"],
        "all_reduce": bandwidth,
    }


def _verdict(verdicts: list[str]) -> str:
    if not verdicts or NOT_RUN in verdicts:
        return NOT_RUN
    return "passed" if set(verdicts) == {"passed"} else "failed"


def _missing(nodes: list[dict[str, Any]]) -> str:
    """Name the checks that were to be made and were not, for want of what they ask: of all others nothing is found."""
    checks = [check for node in nodes for check in node["checks"]]
    names = sorted({check["name"] for check in checks if check["result"] == NOT_RUN and check["found"]})
    return f"Emulated or virtual servers: not run, for want of what they ask: {', '.join(names)}." if names else ""


def _note(doubles: list[str]) -> str:
    if not doubles:
        return ""
    return "Emulated or virtual servers: test doubles stood in for hardware in the checks named under test_doubles."
