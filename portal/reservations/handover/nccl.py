"""NCCL's settings for /etc/nccl.conf: what it cannot find out by itself, and nothing that it chooses better."""

from portal.reservations.handover.nodes import Cluster

ROCE_GID_INDEX = 3
"""RoCE v2 over IPv4, as the mlx5 driver orders the table (NCCL user guide, NCCL_IB_GID_INDEX)."""


def nccl_conf(cluster: Cluster) -> str:
    """Return the settings. The algorithm, the protocol and the number of channels are NCCL's to choose."""
    technologies = sorted({node.technology for node in cluster.nodes})
    lines = ["# For /etc/nccl.conf. Do not set algorithm, protocol or channel counts: NCCL chooses them by topology.\n"]
    lines += [f"# Fabric: {' '.join(technology.split())}\n" for technology in technologies]
    lines.append("NCCL_IB_HCA=mlx5\n")
    if any("roce" in technology.lower() or "ethernet" in technology.lower() for technology in technologies):
        lines.append(f"NCCL_IB_GID_INDEX={ROCE_GID_INDEX}\n")
    return "".join(lines)
