"""What ``quickstart --metal=qemu`` needs beside the portal: Debian's packages, a deploy medium and an OS image."""

import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from portal.launcher import children
from portal.launcher.problems import LaunchProblem
from portal.launcher.supervisor import last_line

EMULATED, QEMU = "emulated", "qemu"
KINDS = (EMULATED, QEMU)
FEWEST, MOST = 2, 4
"""How many virtual machines: what two cores boot by software emulation within minutes."""
GUEST_PORTAL = "10.0.2.100:8000"
"""Where virtual machines reach the portal; see ``provisioning.simulator.vm.PORTAL``."""
NEEDED = {
    "qemu-system-x86_64": "qemu-system-x86",
    "mmdebstrap": "mmdebstrap",
    "xorriso": "xorriso",
    "mcopy": "mtools",
    "mkfs.vfat": "dosfstools",
    "sgdisk": "gdisk",
    "objcopy": "binutils",
    "zstd": "zstd",
    "fakeroot": "fakeroot",
}
"""Program to the Debian package that has it."""
FIRMWARE = (Path("/usr/share/OVMF/OVMF_CODE_4M.fd"), "ovmf")
MEDIUM = ("deploy.iso", "deploy.iso.json")
IMAGE = "debian-12.json"
SETTINGS = {
    # Guests come from their own network, by an address of their own.
    "METALYARD_AGENT_URL": f"http://{GUEST_PORTAL}",
    "ALLOWED_HOSTS": f"127.0.0.1,localhost,{GUEST_PORTAL.partition(':')[0]}",
    # A BMC fetches its medium before it answers.
    "METALYARD_BMC_TIMEOUT_S": "60",
    "METALYARD_BMC_POWER_TIMEOUT_S": "60",
}
"""Variables of the portal that are other than for emulated machines."""


def missing_packages() -> list[str]:
    """Return the Debian packages that are not installed."""
    folders = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
    missing = {package for program, package in NEEDED.items() if shutil.which(program, path=folders) is None}
    path, package = FIRMWARE
    return sorted(missing | (set() if path.exists() else {package}))


def require_count(servers: int) -> None:
    """Raise LaunchProblem unless so many can run here; 0 is as many as usual."""
    if servers and not FEWEST <= servers <= MOST:
        raise LaunchProblem(f"--metal=qemu runs {FEWEST} to {MOST} servers, not {servers}.")


def require_packages() -> None:
    """Raise LaunchProblem that names what is not installed."""
    if missing := missing_packages():
        raise LaunchProblem(f"--metal=qemu needs Debian packages: apt-get install {' '.join(missing)}")


def build(cache: Path, log: Path, env: Mapping[str, str], repository: Path) -> None:
    """Build medium and image in ``cache`` unless they are there and current. Raises LaunchProblem."""
    cache.mkdir(parents=True, exist_ok=True)
    for module in ("provisioning.ramdisk", "provisioning.osimage"):
        argv = [sys.executable, "-m", module, "--out", str(cache)]
        with log.open("ab") as output:
            code = children.start(argv, env=env, log=output, cwd=repository).wait()
        if code != 0:
            raise LaunchProblem(f"{module}: {last_line(log)} (see {log})")


def provide(cache: Path, media: Path, images: Path) -> None:
    """Put what was built where the portal looks for it."""
    media.mkdir(mode=0o700, parents=True, exist_ok=True)
    images.mkdir(parents=True, exist_ok=True)
    told = json.loads((cache / IMAGE).read_text())
    for name, folder in [*((name, media) for name in MEDIUM), *((name, images) for name in (IMAGE, told["file_name"]))]:
        _put(cache / name, folder / name)


def _put(source: Path, target: Path) -> None:
    # Renaming one of two names of the same file does nothing, and leaves both.
    if target.exists() and target.samefile(source):
        return
    partial = target.with_name(target.name + ".part")
    partial.unlink(missing_ok=True)
    try:
        partial.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, partial)
    partial.replace(target)
