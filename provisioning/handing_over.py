"""The cluster step: what a run gives its servers in files, and what their answers mean for each of them.

The files lie in the run's private folder: neither the kit nor a server's answer passes through Ansible's values.
"""

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from portal.core.actors import SYSTEM
from portal.operations.models import OperationServer
from portal.operations.services.acceptance import keep_cluster
from portal.reservations.handover.kit import kit_zip
from portal.reservations.handover.nodes import on_nodes
from portal.reservations.handover.reading import being_handed_over
from provisioning.acceptance.band import Band
from provisioning.acceptance.bandwidth import Bandwidth, bandwidth_of, cluster_report_of
from provisioning.acceptance.collected import Output, read_output
from provisioning.acceptance.pairs import to_blame
from provisioning.claim import Lease
from provisioning.runs import HostResult

PUBLIC_KEY = re.compile(r"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI[A-Za-z0-9+/]{43}")
MOST_PAIRS_TOLD = 5


def provide(folder: Path, parts: Sequence[OperationServer]) -> None:
    """Put into ``folder`` the kit, who is to make the cluster, and the keys of the servers that were there before.

    Of those that make it the first in the order of the fabric is to measure, where there is anything to measure.
    """
    cluster = on_nodes(being_handed_over(parts))
    ours = {part.server.public_id: part.hostname for part in parts}
    keys = [
        f"{node.cluster_key} {node.hostname}" for node in cluster.nodes if node.cluster_key and node.server not in ours
    ]
    _write(folder / "kit.zip", kit_zip(cluster))
    in_order = [node for node in cluster.nodes if node.server in ours]
    measuring = {"server": in_order[0].server, "hosts": [node.hostname for node in in_order]}
    told = {"hosts": ours, "keys": keys, "all_reduce": None if band_of(parts).why_not else measuring}
    _write(folder / "cluster.json", json.dumps(told).encode())


def band_of(parts: Sequence[OperationServer]) -> Band:
    """Return what the servers of an operation, which are all of one type, must reach together."""
    kind = parts[0].server.server_type
    return Band(
        servers=len(parts),
        gpus=kind.gpu_count,
        least=kind.allreduce_busbw_gbps_min,
        most=kind.allreduce_busbw_gbps_max,
        is_emulated=kind.is_emulated,
    )


def _write(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)


def judge_cluster(
    parts: Sequence[OperationServer], hosts: Mapping[str, HostResult], kept: Mapping[int, str]
) -> dict[int, HostResult]:
    """Return the servers that fail, by their parts, and why.

    Where some could not be worked on the pairs are not looked at: the step is done again without these first.
    """
    broken = {part.pk: hosts[part.server.public_id] for part in parts if not hosts[part.server.public_id].ok}
    if broken:
        return broken
    pairs: dict[tuple[str, str], str] = {}
    for part in parts:
        answer = _answer(kept.get(part.pk, ""))
        if answer is None:
            broken[part.pk] = HostResult(ok=False, error_code="handover_failed", error="Its answer cannot be read.")
            continue
        others = [other.hostname for other in parts if other is not part]
        pairs |= {(part.hostname, name): said for name in others if (said := answer.get(name, "not tried")) != "ok"}
    blamed = to_blame(pairs)
    return broken or {
        part.pk: HostResult(ok=False, error_code="peers_unreachable", error=_words(part.hostname, pairs))
        for part in parts
        if part.hostname in blamed
    }


def _answer(document: str) -> dict[str, str] | None:
    """Return what a server said of each of the others; None where that cannot be read."""
    try:
        peers = json.loads(json.loads(document)["answer"])["peers"]
        return {name: str(said) for name, said in peers.items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _words(hostname: str, pairs: Mapping[tuple[str, str], str]) -> str:
    mine = [(pair, said) for pair, said in sorted(pairs.items()) if hostname in pair]
    told = [f"{source} to {target}: {_printable(said)[:80]}" for (source, target), said in mine]
    more = [f"and {len(told) - MOST_PAIRS_TOLD} more pairs"] if len(told) > MOST_PAIRS_TOLD else []
    return "; ".join(told[:MOST_PAIRS_TOLD] + more)


def _printable(text: str) -> str:
    """Return what a server said on one line that steers no terminal."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def bandwidth_between(parts: Sequence[OperationServer], kept: Mapping[int, str]) -> Bandwidth:
    """Judge what the one that measured said of all of them."""
    return bandwidth_of(next(filter(None, map(_measured, kept.values())), Output(None, "said nothing")), band_of(parts))


def _measured(document: str) -> Output | None:
    """Return what a server said of the all-reduce; None where it was not the one that measured."""
    try:
        said = json.loads(document).get("all_reduce")
        return None if said is None else read_output(json.loads(said))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return Output(None, "said nothing that can be read")


def keep_whole(lease: Lease, parts: Sequence[OperationServer], kept: Mapping[int, str], bandwidth: Bandwidth) -> None:
    """Keep what was found between the servers of a whole cluster, and the public keys that they made.

    Raises ClaimLost.
    """
    told = {part: str(json.loads(kept[part.pk]).get("key")) for part in parts}
    keys = {part: key for part, key in told.items() if PUBLIC_KEY.fullmatch(key)}
    servers = [(part.server.public_id, part.hostname) for part in parts]
    keep_cluster(actor=SYSTEM, claim=lease.claim, keys=keys, document=cluster_report_of(servers, bandwidth))
