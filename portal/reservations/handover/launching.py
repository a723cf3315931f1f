"""Starting programs on all servers: an MPI host file, a host list, an Ansible inventory, two scripts."""

import shlex

import yaml

from portal.reservations.handover.access import CLUSTER_KEY
from portal.reservations.handover.hostlist import hostlist
from portal.reservations.handover.nodes import Cluster, Node

RENDEZVOUS_PORT = 29500
"""Where torchrun's processes find one another, by its own default."""


def hostfile(cluster: Cluster) -> str:
    """Return Open MPI's host file in the order of the fabric, so that neighbouring ranks are neighbours."""
    return "".join(f"{node.hostname} slots={node.gpu_count}\n" for node in cluster.nodes)


def host_list(cluster: Cluster) -> str:
    """Return all host names in Slurm's short form."""
    return hostlist(node.hostname for node in cluster.nodes) + "\n"


def inventory(cluster: Cluster) -> str:
    """Return an Ansible inventory with a group per fabric and, below it, one per rack."""
    groups: dict[str, dict[str, dict[str, dict[str, dict[str, None]]]]] = {}
    for node in cluster.nodes:
        racks = groups.setdefault(cluster.labels[node.fabric,], {"children": {}})["children"]
        racks.setdefault(cluster.labels[node.fabric, node.rack], {"hosts": {}})["hosts"][node.hostname] = None
    document = {
        "all": {
            "vars": _login(cluster),
            "hosts": {node.hostname: _variables(node) for node in cluster.nodes},
            "children": groups,
        }
    }
    return f"# {cluster.reservation}\n" + yaml.safe_dump(document, sort_keys=False, width=200)


def _login(cluster: Cluster) -> dict[str, str]:
    key = {"ansible_ssh_private_key_file": CLUSTER_KEY} if cluster.is_on_nodes else {}
    return {"ansible_ssh_common_args": _ssh_arguments(), **key}


def _ssh_arguments() -> str:
    # Ansible itself fills in the folder that the inventory is in: on the nodes, or wherever the kit was unpacked.
    return "-o 'UserKnownHostsFile=\"{{ inventory_dir }}/known_hosts\"' -o StrictHostKeyChecking=yes"


def _variables(node: Node) -> dict[str, str | int]:
    return {"ansible_host": node.address, "ansible_port": node.port, "ansible_user": node.user}


def torchrun(cluster: Cluster) -> str:
    """Return a script that starts a program under torchrun; it is to be run on every node."""
    first = next(iter(cluster.nodes), None)
    endpoint = shlex.quote(f"{first.inner_address or first.address}:{RENDEZVOUS_PORT}") if first else ""
    ranks = first.gpu_count if first else 0
    return (
        "#!/bin/sh\n"
        "# Start a training on all servers: run this on each of them, with your program and its arguments, such as\n"
        "#   mpirun --hostfile /opt/handover/hostfile --map-by ppr:1:node /opt/handover/torchrun.sh train.py\n"
        f"exec torchrun --nnodes={len(cluster.nodes)} --nproc-per-node={ranks or 1} "
        f"--rdzv-backend=c10d --rdzv-id={cluster.reservation} "
        f'--rdzv-endpoint={endpoint} "$@"\n'
    )


def mpirun_nccl(cluster: Cluster) -> str:
    """Return a script that measures NCCL's all-reduce over all GPUs (nccl-tests, built with MPI)."""
    ranks = sum(node.gpu_count for node in cluster.nodes)
    return (
        "#!/bin/sh\n"
        "# Measure all-reduce over all GPUs. Needs Open MPI and nccl-tests (built with MPI=1) on every server.\n"
        'here=$(dirname "$0")\n'
        f'exec mpirun --hostfile "$here/hostfile" -np {ranks} --bind-to none \\\n'
        '    all_reduce_perf --minbytes 8 --maxbytes 8G --stepfactor 2 --ngpus 1 "$@"\n'
    )
