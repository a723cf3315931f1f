"""Files that describe the cluster: for programs machines.json, for people README.txt."""

import json
from typing import Any

from portal.reservations.handover.access import CLUSTER_KEY, ON_NODES
from portal.reservations.handover.nodes import Cluster, Node

SCHEMA = "metalyard.machines/1"


def machines_json(cluster: Cluster) -> str:
    """Return every server with its addresses, place and GPUs, in the order of the fabric."""
    document = {
        "schema": SCHEMA,
        "reservation": cluster.reservation,
        "machines": [_machine(node) for node in cluster.nodes],
    }
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


def _machine(node: Node) -> dict[str, Any]:
    return {
        "server": node.server,
        "hostname": node.hostname,
        "ssh": {"host": node.address, "port": node.port, "user": node.user, "host_keys": list(node.host_keys)},
        "inner_address": node.inner_address or None,
        "place": {"region": node.region, "fabric": node.fabric, "rack": node.rack, "unit": node.unit},
        "gpus": {"model": node.gpu_model, "count": node.gpu_count},
        "memory_gb": node.memory_gb,
    }


def readme(cluster: Cluster) -> str:
    """Return the first page: how to log in, test, install and be helped, and when it ends."""
    names = [node.hostname for node in cluster.nodes] or ["SERVER"]
    gpus = sorted({f"{node.gpu_count} x {' '.join(node.gpu_model.split())}" for node in cluster.nodes})
    ends_at = f"{cluster.ends_at:%Y-%m-%d %H:%M} UTC" if cluster.ends_at else "unknown"
    return f"""\
{cluster.name} ({cluster.reservation}): {len(cluster.nodes)} servers with {", ".join(gpus) or "no GPUs"} each
Log in, from outside    ssh -F ssh_config {names[0]}      (in the folder with the kit that you downloaded)
Log in, on a server     ssh {names[-1]}      (by {CLUSTER_KEY}, which each server made for itself)
Names                   sudo sh -c 'cat {ON_NODES}/hosts >> /etc/hosts'
Test the network        {ON_NODES}/mpirun-nccl.sh      (needs Open MPI and nccl-tests)
Train                   {ON_NODES}/torchrun.sh on every server
Ansible                 LC_ALL=C.UTF-8 ansible -i {ON_NODES}/inventory.yml all -m ping
Slurm                   slurm-nodes.conf, gres.conf, and one of topology.conf and topology.yaml
NCCL                    sudo cp {ON_NODES}/nccl.conf /etc/
What was checked        report.json, report.pdf
Servers added or installed anew know all others; the others learn of them from you: copy {ON_NODES}
    there from the new one, and its public key (ssh-keygen -y -f {CLUSTER_KEY}) to ~/.ssh/authorized_keys.
The end                 {ends_at} as this was written; then the disks are erased. The portal shows the present end.
Help                    name {cluster.reservation} to support; the reservation's page tells what was done and when.
"""
