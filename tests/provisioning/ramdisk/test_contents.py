"""What goes into the ramdisk, and the form that it goes in."""

from __future__ import annotations

import io
import shutil
import subprocess

import pytest

from provisioning.artefacts.programs import BuildFailed
from provisioning.ramdisk import cpio, modules

DEPENDENCIES = """\
kernel/net/virtio_net.ko: kernel/net/net_failover.ko
kernel/net/net_failover.ko: kernel/net/failover.ko
kernel/net/failover.ko:
kernel/fs/nls-ascii.ko:
"""
BUILT_IN = "kernel/drivers/virtio/virtio_pci.ko\n"


def test_a_module_comes_with_all_that_it_needs():
    read = modules.read_dependencies(DEPENDENCIES)

    assert modules.closure(["virtio_net", "virtio-pci", "nls_ascii"], read, BUILT_IN) == [
        "kernel/fs/nls-ascii.ko",
        "kernel/net/failover.ko",
        "kernel/net/net_failover.ko",
        "kernel/net/virtio_net.ko",
    ]


def test_a_module_that_the_kernel_lacks_is_named():
    with pytest.raises(BuildFailed, match="no module ice, nvme"):
        modules.closure(["nvme", "virtio_net", "ice"], modules.read_dependencies(DEPENDENCIES), BUILT_IN)


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "root"
    (root / "usr/bin").mkdir(parents=True)
    (root / "bin").symlink_to("usr/bin")
    (root / "init").write_text("#!/bin/sh\n")
    (root / "init").chmod(0o700)
    (root / "usr/bin/odd").write_bytes(b"12345")
    return root


def archived(tree):
    file = io.BytesIO()
    cpio.write(tree, file, 1_700_000_000)
    return file.getvalue()


@pytest.mark.skipif(shutil.which("cpio") is None, reason="cpio is not installed (apt-get install cpio)")
def test_the_archive_unpacks_to_the_tree(tree, tmp_path):
    target = tmp_path / "unpacked"
    target.mkdir()

    command = ["cpio", "--quiet", "-idm", "--no-absolute-filenames"]
    subprocess.run(command, input=archived(tree), cwd=target, check=True)

    assert (target / "bin").readlink().name == "bin"
    assert (target / "init").read_text() == "#!/bin/sh\n"
    assert (target / "init").stat().st_mode & 0o777 == 0o755
    assert (target / "bin/odd").read_bytes() == b"12345"
    assert (target / "bin/odd").stat().st_mtime == 1_700_000_000


def test_the_same_tree_gives_the_same_bytes_whoever_wrote_it(tree, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(tree, other, symlinks=True)
    (other / "usr/bin/odd").touch()

    assert archived(tree) == archived(other)
    assert archived(tree).endswith(b"TRAILER!!!\0\0\0\0")
