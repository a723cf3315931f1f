"""What was checked before the hand-over, on paper: report.pdf. The same as report.json says, and nothing else."""

from datetime import UTC, datetime
from typing import Any

from portal.core.paper import Paper
from portal.reservations.handover.nodes import Cluster
from portal.reservations.handover.report import report_document

NEVER = datetime(1980, 1, 1, tzinfo=UTC)
"""When nothing was checked: the file must be the same each time, so it cannot be the present."""
VERDICTS = {"passed": "passed", "failed": "failed", "not_run": "not checked"}
RESULTS = {"passed": "passed", "failed": "FAILED", "not_run": "not run", "test_double": "test double"}


def report_pdf(cluster: Cluster) -> bytes:
    """Return the pages; the same rows give the same bytes."""
    document = report_document(cluster)
    checked = max((node.checked_at for node in cluster.nodes if node.checked_at), default=None)
    paper = Paper(
        title=f"Acceptance report {cluster.reservation}",
        heading="Acceptance report",
        made_at=checked or NEVER,
        breaks=True,
    )
    paper.text(f"What was checked on the servers of {cluster.name} before they were handed over.")
    if document["note"]:
        paper.text(document["note"])
    paper.heading("Reservation")
    paper.row("Id", cluster.reservation)
    paper.row("Servers", str(len(cluster.nodes)))
    paper.row("Verdict", VERDICTS[document["verdict"]])
    paper.row("Last check", checked.isoformat(timespec="seconds") if checked else "none")
    for together in document["clusters"]:
        _write_together(paper, together)
    for node in document["nodes"]:
        paper.heading(f"{node['hostname']} ({node['server']}): {VERDICTS[node['verdict']]}")
        for check in node["checks"]:
            paper.row(check["name"], _words(check))
    paper.small("The same for programs is in report.json.")
    return paper.content()


def _write_together(paper: Paper, together: dict[str, Any]) -> None:
    bandwidth = together["all_reduce"]
    paper.heading(f"{len(together['servers'])} servers together: {VERDICTS[together['verdict']]}")
    paper.row("Servers", ", ".join(together["hostnames"]))
    paper.row("Checked", together["checked_at"])
    paper.row("Logins", f"passed; from each server to each other one: {together['pairs']}")
    paper.row("All-reduce", _words(bandwidth))
    for size in bandwidth["sizes"]:
        paper.row(f"{size['size_bytes'] / 1024**2:g} MiB", f"{size['busbw']:g} GB/s of bus bandwidth")


def _words(check: dict[str, Any]) -> str:
    return f"{RESULTS[check['result']]}; expected {check['expected']}; found {check['found'] or 'nothing'}"
