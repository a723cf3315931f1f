"""Virtual machines for tests: real firmware and a real kernel, emulated in software."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

QEMU = shutil.which("qemu-system-x86_64")
FIRMWARE = Path("/usr/share/OVMF/OVMF_CODE_4M.fd")
VARIABLES = Path("/usr/share/OVMF/OVMF_VARS_4M.fd")
BUILDERS = ("mmdebstrap", "xorriso", "mcopy", "objcopy", "zstd")
HOST = "10.0.2.2"
"""What the build machine is called inside the virtual machine."""
PATIENCE_S = 900

needs_qemu = pytest.mark.skipif(
    QEMU is None or not FIRMWARE.exists() or not all(map(shutil.which, BUILDERS)),
    reason="virtual machines or what builds their images is not installed "
    "(apt-get install qemu-system-x86 ovmf mmdebstrap xorriso mtools dosfstools gdisk zstd binutils)",
)


@dataclass
class Drive:
    """One drive; ``node`` are QEMU's options for where its bytes are, a raw file by default."""

    path: Path
    serial: str = "DRIVE-0001"
    kind: str = "nvme"
    node: str = ""

    def arguments(self, number: int) -> list[str]:
        where = self.node or f"driver=raw,discard=unmap,file.driver=file,file.filename={self.path}"
        device = {"nvme": "nvme", "sata": f"ide-hd,bus=ide.{number + 1}", "virtio": "virtio-blk-pci"}[self.kind]
        blockdev = f"{where},node-name=drive{number}"
        return [
            "-blockdev",
            blockdev,
            "-device",
            f"{device},drive=drive{number},serial={self.serial},bootindex={number + 1}",
        ]


@dataclass
class VirtualMachine:
    """A machine that can be started; ``folder`` keeps its firmware's variables and its console."""

    folder: Path
    drives: list[Drive]
    cdrom: Path | None = None
    uuid: str = "6d0f7e6c-93a4-4f0b-8a55-0e7f6f6b2a01"
    serial: str = "SYS-0001"
    mac: str = "52:54:00:12:34:56"
    memory: str = "1G"
    extra: list[str] = field(default_factory=list)
    ssh_port: int | None = None

    @property
    def console(self) -> str:
        path = self.folder / "console.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def command(self) -> list[str]:
        variables = self.folder / "vars.fd"
        if not variables.exists():
            shutil.copy(VARIABLES, variables)
        forward = f",hostfwd=tcp:127.0.0.1:{self.ssh_port}-:22" if self.ssh_port else ""
        command = [QEMU, "-machine", "q35", "-accel", "tcg,thread=multi", "-smp", "2", "-m", self.memory]
        command += ["-nodefaults", "-display", "none", "-uuid", self.uuid]
        command += ["-smbios", f"type=1,manufacturer=Metalyard,product=Virtual,serial={self.serial},uuid={self.uuid}"]
        command += ["-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={FIRMWARE}"]
        command += ["-drive", f"if=pflash,format=raw,unit=1,file={variables}"]
        command += [
            "-netdev",
            f"user,id=net0{forward}",
            "-device",
            f"virtio-net-pci,netdev=net0,mac={self.mac},romfile=",
        ]
        command += ["-serial", f"file:{self.folder / 'console.log'}", "-device", "virtio-rng-pci"]
        for number, drive in enumerate(self.drives):
            command += drive.arguments(number)
        if self.cdrom:
            command += ["-drive", f"if=none,id=cd,media=cdrom,readonly=on,format=raw,file={self.cdrom}"]
            command += ["-device", "ide-cd,bus=ide.0,drive=cd,bootindex=0"]
        return [*command, *self.extra]

    def start(self) -> subprocess.Popen:
        self.folder.mkdir(parents=True, exist_ok=True)
        return subprocess.Popen(self.command(), stdin=subprocess.DEVNULL)

    def run(self) -> None:
        """Start the machine and wait until it has switched itself off."""
        process = self.start()
        try:
            process.wait(PATIENCE_S)
        finally:
            process.kill()
            process.wait()
        assert process.returncode == 0, self.console[-2000:]

    @contextmanager
    def running(self):
        process = self.start()
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def free_port() -> int:
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        return line.getsockname()[1]


def eventually(happened, what, machine):
    """Wait until ``happened()`` gives something true, and return that."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if found := happened():
            return found
        time.sleep(0.5)
    raise AssertionError(f"{what} did not happen:\n{machine.console[-3000:]}")
