"""Logging in: ssh_config(5), the known_hosts of sshd(8), hosts(5)."""

from ipaddress import ip_address

from portal.reservations.handover.nodes import SSH_PORT, Cluster, Node

ON_NODES = "/opt/handover"
KNOWN_HOSTS = f"{ON_NODES}/known_hosts known_hosts ~/.ssh/known_hosts"
"""Where the host keys are looked for: on the nodes, in the folder in which the kit was unpacked, in one's own file."""
CLUSTER_KEY = "~/.ssh/metalyard_cluster"
"""The private half of the key that a node made to log in to the others."""


def known_name(address: str, port: int) -> str:
    """Return a server's address as known_hosts writes it: with the port only where it is not 22 (sshd(8))."""
    return address if port == SSH_PORT else f"[{address}]:{port}"


def ssh_config(cluster: Cluster) -> str:
    """Return a file for ``ssh -F``: every server by its host name, and no unknown host key is ever taken.

    On the nodes ``ssh`` reads it by itself, so there it speaks of the cluster's servers only.
    """
    blocks = [f"# {cluster.reservation}\n{_rules_on_nodes(cluster) if cluster.is_on_nodes else RULES}"]
    return "\n".join(blocks + [_block(node) for node in cluster.nodes])


RULES = f"Host *\n    UserKnownHostsFile {KNOWN_HOSTS}\n    StrictHostKeyChecking yes\n    ServerAliveInterval 30\n"


def _rules_on_nodes(cluster: Cluster) -> str:
    return (
        f"Host {' '.join(node.hostname for node in cluster.nodes)}\n"
        f"    IdentityFile {CLUSTER_KEY}\n"
        "    IdentitiesOnly yes\n"
        f"    UserKnownHostsFile {ON_NODES}/known_hosts\n"
        "    StrictHostKeyChecking yes\n"
    )


def _block(node: Node) -> str:
    return f"Host {node.hostname}\n    HostName {node.address}\n    Port {node.port}\n    User {node.user}\n"


def known_hosts(cluster: Cluster) -> str:
    """Return the servers' host keys as they reported them at their first boot."""
    lines = [f"{known_name(node.address, node.port)} {key}\n" for node in cluster.nodes for key in node.host_keys]
    return "".join(lines)


def hosts(cluster: Cluster) -> str:
    """Return lines for the nodes' /etc/hosts: where they reach one another.

    A server that is reached by a DNS name has a comment: hosts(5) takes addresses.
    """
    lines = [f"# {cluster.reservation}\n"]
    for node in cluster.nodes:
        address = node.inner_address or node.address
        try:
            lines.append(f"{ip_address(address)}\t{node.hostname}\n")
        except ValueError:
            lines.append(f"# {node.hostname} is {address}\n")
    return "".join(lines)
