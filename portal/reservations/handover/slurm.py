"""Slurm: topology.conf(5), topology.yaml(5), gres.conf(5) and node lines of slurm.conf(5).

Only one topology file may be installed: where there is a topology.yaml, Slurm does not read topology.conf. A rack
stands for a leaf switch and a fabric for the spine above its leaves; fabrics have no link to one another.
"""

import re

import yaml

from portal.reservations.handover.hostlist import hostlist
from portal.reservations.handover.nodes import Cluster

MEMORY_SHARE_PERCENT = 95
"""Of the memory that is built in, what is left to jobs: a node that has less than its line says is drained."""
_GPU_NAME = re.compile(r"\b([A-Z]+\d+[A-Z]*)\b")


def _leaves(cluster: Cluster) -> dict[str, dict[str, list[str]]]:
    """Return the host names by fabric and rack, each under its label, in order."""
    found: dict[str, dict[str, list[str]]] = {}
    for node in cluster.nodes:
        racks = found.setdefault(cluster.labels[node.fabric,], {})
        racks.setdefault(cluster.labels[node.fabric, node.rack], []).append(node.hostname)
    return found


def topology_conf(cluster: Cluster) -> str:
    """Return the switches for ``TopologyPlugin=topology/tree``."""
    lines = [f"# {cluster.reservation}: for TopologyPlugin=topology/tree. Install this or topology.yaml, not both.\n"]
    for fabric, racks in _leaves(cluster).items():
        lines += [f"SwitchName={rack} Nodes={hostlist(names)}\n" for rack, names in racks.items()]
        lines.append(f"SwitchName={fabric} Switches={','.join(racks)}\n")
    return "".join(lines)


def topology_yaml(cluster: Cluster) -> str:
    """Return the same tree for Slurm 25.05 and later."""
    switches: list[dict[str, str]] = []
    for fabric, racks in _leaves(cluster).items():
        switches.append({"switch": fabric, "children": ",".join(racks)})
        switches += [{"switch": rack, "nodes": hostlist(names)} for rack, names in racks.items()]
    document = [{"topology": "fabric", "cluster_default": True, "tree": {"switches": switches}}]
    return f"# {cluster.reservation}\n" + yaml.safe_dump(document, sort_keys=False, width=4096)


def gres_type(gpu_model: str) -> str:
    """Return a GPU's name for ``Gres``: the short one where the model has one, such as h100."""
    found = _GPU_NAME.search(gpu_model.upper().removeprefix("NVIDIA "))
    return found[1].lower() if found else re.sub(r"[^a-z0-9]+", "_", gpu_model.lower()).strip("_")


def gres_conf(_: Cluster) -> str:
    """Return how slurmd finds a node's GPUs: by asking their driver, so the same line is right on every node."""
    return "# For gres.conf.\nAutoDetect=nvml\n"


def slurm_nodes(cluster: Cluster) -> str:
    """Return the servers' lines for slurm.conf; ``RealMemory`` is in MiB."""
    lines = ["# For slurm.conf, with GresTypes=gpu; gres.conf needs AutoDetect=nvml.\n"]
    lines += [
        f"NodeName={node.hostname} NodeAddr={node.inner_address or node.address} "
        f"Gres=gpu:{gres_type(node.gpu_model)}:{node.gpu_count} "
        f"RealMemory={node.memory_gb * 1024 * MEMORY_SHARE_PERCENT // 100} State=UNKNOWN\n"
        for node in cluster.nodes
    ]
    if cluster.nodes:
        names = hostlist(node.hostname for node in cluster.nodes)
        lines.append(f"PartitionName=all Nodes={names} Default=YES MaxTime=INFINITE State=UP\n")
    return "".join(lines)
