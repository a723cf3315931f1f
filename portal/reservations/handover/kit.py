"""The files of the kit: one table, and the archive of all of them."""

import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from portal.reservations.handover import about, access, launching, nccl, report, report_pdf, slurm
from portal.reservations.handover.nodes import Cluster
from portal.reservations.handover.reading import handed_over, once_handed_over
from portal.reservations.models import Reservation

PLAIN, YAML, JSON, SHELL = "text/plain", "application/yaml", "application/json", "text/x-shellscript"
PDF, ZIP = "application/pdf", "application/zip"
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip archive can tell; files computed from rows have none of their own."""


@dataclass(frozen=True)
class KitFile:
    """One file: how it is made, what it is for, its media type."""

    render: Callable[[Cluster], str | bytes]
    about: str
    media_type: str = PLAIN

    def content(self, cluster: Cluster) -> bytes:
        """Return what is in it."""
        made = self.render(cluster)
        return made.encode() if isinstance(made, str) else made


KIT: Mapping[str, KitFile] = {
    "ssh_config": KitFile(access.ssh_config, "For ssh -F: every server by its host name"),
    "known_hosts": KitFile(access.known_hosts, "Host keys, as the servers reported them at first boot"),
    "hosts": KitFile(access.hosts, "Lines for the servers' /etc/hosts"),
    "hostfile": KitFile(launching.hostfile, "Open MPI, in the order of the fabric"),
    "hostlist": KitFile(launching.host_list, "All host names in Slurm's short form"),
    "inventory.yml": KitFile(launching.inventory, "Ansible inventory, grouped by fabric and rack", YAML),
    "machines.json": KitFile(about.machines_json, "Every server for programs: addresses, place, GPUs", JSON),
    "topology.conf": KitFile(slurm.topology_conf, "Slurm's switch tree"),
    "topology.yaml": KitFile(slurm.topology_yaml, "The same for Slurm 25.05 and later", YAML),
    "slurm-nodes.conf": KitFile(slurm.slurm_nodes, "Node lines for slurm.conf"),
    "gres.conf": KitFile(slurm.gres_conf, "How Slurm finds the GPUs"),
    "nccl.conf": KitFile(nccl.nccl_conf, "For /etc/nccl.conf"),
    "torchrun.sh": KitFile(launching.torchrun, "Start a PyTorch training on all servers", SHELL),
    "mpirun-nccl.sh": KitFile(launching.mpirun_nccl, "Measure NCCL's all-reduce over all GPUs", SHELL),
    "report.json": KitFile(report.report_json, "What was checked before the hand-over", JSON),
    "report.pdf": KitFile(report_pdf.report_pdf, "The same on paper", PDF),
    "README.txt": KitFile(about.readme, "The first page: log in, test, install, the end"),
}


LASTING = ("report.json", "report.pdf")
"""What a reservation keeps when it is over; the other files are for logging in to servers that it has."""


def file_of(reservation: Reservation, name: str) -> bytes:
    """Return the content of one file of the kit. Raises StateConflict while, or when, there is none."""
    cluster = once_handed_over(reservation) if name in LASTING else handed_over(reservation)
    return KIT[name].content(cluster)


def kit_of(cluster: Cluster) -> dict[str, bytes]:
    """Return the contents of all files by name."""
    return {name: file.content(cluster) for name, file in KIT.items()}


def kit_zip(cluster: Cluster) -> bytes:
    """Return all files as one zip archive; the same rows give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in kit_of(cluster).items():
            entry = zipfile.ZipInfo(f"handover/{name}", EPOCH)
            entry.external_attr = (0o755 if KIT[name].media_type == SHELL else 0o644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return buffer.getvalue()
