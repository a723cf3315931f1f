"""Starting programs on all servers: an MPI host file, a host list, an Ansible inventory."""

import yaml

from portal.reservations.handover.hostlist import hostlist
from portal.reservations.handover.nodes import Cluster, Node


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
            "vars": {"ansible_ssh_common_args": _ssh_arguments()},
            "hosts": {node.hostname: _variables(node) for node in cluster.nodes},
            "children": groups,
        }
    }
    return f"# {cluster.reservation}\n" + yaml.safe_dump(document, sort_keys=False, width=200)


def _ssh_arguments() -> str:
    # Ansible itself fills in the folder that the inventory is in: on the nodes, or wherever the kit was unpacked.
    return "-o 'UserKnownHostsFile=\"{{ inventory_dir }}/known_hosts\"' -o StrictHostKeyChecking=yes"


def _variables(node: Node) -> dict[str, str | int]:
    return {"ansible_host": node.address, "ansible_port": node.port, "ansible_user": node.user}
