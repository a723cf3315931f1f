"""The real ramdisk as rescue system: root logs in under the key that it was given, and finds its files."""

from __future__ import annotations

import subprocess

import asyncssh
import pytest

from tests.provisioning.guest_portal import medium_for
from tests.provisioning.virtual_machine import Drive, VirtualMachine, eventually, free_port, needs_qemu

pytestmark = [
    needs_qemu,
    pytest.mark.boots,
    pytest.mark.timeout(1800),
    pytest.mark.xdist_group("virtual machines"),
]

MIB = 1 << 20


@pytest.fixture
def disk(tmp_path):
    """A drive with an ext4 file system, in which there is a file."""
    content, path = tmp_path / "content", tmp_path / "disk"
    (content / "etc").mkdir(parents=True)
    (content / "etc/hostname").write_text("gpu-01\n")
    subprocess.run(["mkfs.ext4", "-q", "-d", content, path, "32M"], check=True, capture_output=True)
    return path


class Client:
    """The tenant, with OpenSSH's own client and nothing but what the portal says."""

    def __init__(self, folder, port, host_key, options=()):
        self.key = asyncssh.generate_private_key("ssh-ed25519")
        self.known, self.own, self.port, self.options = folder / "known", folder / "id", port, options
        self.known.write_text(f"[127.0.0.1]:{port} {host_key}\n")
        self.own.write_bytes(self.key.export_private_key())
        self.own.chmod(0o600)

    def ssh(self, *command, stdin=""):
        options = ["-F", "none", "-i", self.own, "-p", self.port, "-o", f"UserKnownHostsFile={self.known}"]
        options += ["-o", "StrictHostKeyChecking=yes", "-o", "ConnectTimeout=60", *self.options]
        argv = ["ssh", *map(str, options), "root@127.0.0.1", *command]
        return subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=300)


@pytest.fixture
def rescued(tmp_path, iso, portal, disk):
    """A machine in the rescue system, and its tenant."""
    host_key = asyncssh.generate_private_key("ssh-ed25519")
    public, port = host_key.export_public_key().decode().strip(), free_port()
    client = Client(tmp_path, port, public)
    line = client.key.export_public_key().decode().strip()
    private = host_key.export_private_key().decode()
    portal.offer("rescue", hostname="gpu-01", ssh_authorized_keys=[line], host_key=private)
    cdrom = medium_for(iso, tmp_path / "boot.iso", portal.boot_uri)
    machine = VirtualMachine(tmp_path / "machine", [Drive(disk)], cdrom=cdrom, ssh_port=port)
    with machine.running() as process:
        eventually(lambda: portal.said("done") or process.poll() is not None, "the report", machine)
        assert portal.result == {"ok": True, "host_keys": [public]}
        yield client, process


def test_root_repairs_its_disk_in_the_rescue_system(rescued, disk):
    client, process = rescued
    untouched = disk.read_bytes()

    hello = client.ssh("hostname; id -un; grep -c /dev/nvme /proc/mounts; cat /etc/shadow; ls /run")
    assert hello.stdout.splitlines()[:3] == ["gpu-01", "root", "0"], hello.stderr
    assert "root:*:" in hello.stdout, "no password opens it"
    assert "job.json" in hello.stdout
    assert "PRIVATE KEY" not in client.ssh("cat /run/job.json").stdout
    assert disk.read_bytes() == untouched, "nothing was done to the drive by itself"

    checked = client.ssh(
        "e2fsck -f -p /dev/nvme0n1 && resize2fs /dev/nvme0n1 && lsblk -no NAME,FSTYPE && nvme list && blkid"
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "/dev/nvme0n1: " in checked.stdout

    script = "mount /dev/nvme0n1 /mnt && cat /mnt/etc/hostname && cat >/mnt/etc/repaired && umount /mnt && sync\n"
    repaired = client.ssh(script, stdin="by hand\n")
    assert (repaired.returncode, repaired.stdout) == (0, "gpu-01\n"), repaired.stderr
    assert b"by hand" in disk.read_bytes()
    assert process.poll() is None, "it stays on"


def test_neither_a_password_nor_another_key_opens_it(rescued, tmp_path):
    client, _ = rescued
    (tmp_path / "id").write_bytes(asyncssh.generate_private_key("ssh-ed25519").export_private_key())

    refused = client.ssh("true")

    assert refused.returncode == 255
    assert "Permission denied (publickey)." in refused.stderr, "it offers nothing but keys"
