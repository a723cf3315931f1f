"""A virtual machine as QEMU's command line: a pure function of what it is made of and what it boots from.

See qemu(1); the boot order is QEMU's ``bootindex``, which it hands to the firmware.
"""

from dataclasses import dataclass
from pathlib import Path

QEMU = "qemu-system-x86_64"
FIRMWARE = Path("/usr/share/OVMF/OVMF_CODE_4M.fd")
VARIABLES = Path("/usr/share/OVMF/OVMF_VARS_4M.fd")
PORTAL = ("10.0.2.100", 8000)
"""The one address, besides the network's own DHCP, that a guest on a network of its own reaches."""
CPUS = 2
_DISK, _CD, _NETWORK = "disk", "cd", "network"
# A boot by HTTP is no device's: the firmware has it in its own variables.
_DEVICE_OF = {"Hdd": _DISK, "Cd": _CD, "Pxe": _NETWORK}


@dataclass(frozen=True)
class OwnNetwork:
    """A network with only this machine in it: ssh comes in, and one address leads out."""

    ssh_host: str
    ssh_port: int
    out: str = ""
    """Command whose standard input and output is one connection to ``PORTAL``; empty when nothing leads out."""

    def netdev(self) -> str:
        """Return the value of ``-netdev``. Without a rule, ``restrict`` lets nothing out."""
        out = f",guestfwd=tcp:{PORTAL[0]}:{PORTAL[1]}-cmd:{escaped(self.out)}" if self.out else ""
        return f"user,id=net0,restrict=on,hostfwd=tcp:{self.ssh_host}:{self.ssh_port}-:22{out}"


@dataclass(frozen=True)
class TapNetwork:
    """A port on a bridge of the host: whoever owns the interface decides what is behind it."""

    interface: str

    def netdev(self) -> str:
        """Return the value of ``-netdev``."""
        return f"tap,id=net0,ifname={escaped(self.interface)},script=no,downscript=no"


@dataclass(frozen=True)
class SwitchedCard:
    """A second card, on a port of an emulated switch: a datagram is a frame."""

    mac: str
    socket: int
    """Number of the socket that QEMU inherits."""

    def arguments(self) -> list[str]:
        """Return QEMU's options for it; nothing boots from it."""
        return [
            *("-netdev", f"dgram,id=net1,local.type=fd,local.str={self.socket}"),
            *("-device", f"virtio-net-pci,netdev=net1,mac={self.mac},romfile="),
        ]


@dataclass(frozen=True)
class VM:
    """One virtual machine and one start of it."""

    name: str
    uuid: str
    serial: str
    mac: str
    memory_mb: int
    disk: Path
    drive_serial: str
    variables: Path
    """The machine's own copy of the firmware's variables."""
    monitor: Path
    console: Path
    """Socket on which the serial console is served."""
    console_log: Path
    network: OwnNetwork | TapNetwork
    switched: SwitchedCard | None = None
    cdrom: Path | None = None
    boot: str = "None"
    """Redfish's boot target of this start."""
    is_off_after_reset: bool = False
    """Whether a guest that restarts itself is switched off: a boot that is for once must not come twice."""


def escaped(value: str | Path) -> str:
    """Return a value as QEMU's options want it: a comma in it is doubled."""
    return str(value).replace(",", ",,")


def bootindex(vm: VM, device: str) -> int:
    """Return a device's place in the boot order: what is asked for, then disk, CD and network."""
    if _DEVICE_OF.get(vm.boot) == device:
        return 0
    return 1 + (_DISK, _CD, _NETWORK).index(device)


def argv(vm: VM) -> list[str]:
    """Return the command line that starts ``vm``."""
    return [
        QEMU,
        *("-name", escaped(vm.name), "-machine", "q35", "-accel", "tcg,thread=multi"),
        *("-smp", str(CPUS), "-m", f"{vm.memory_mb}M"),
        *("-nodefaults", "-no-user-config", "-display", "none", "-uuid", vm.uuid),
        *("-smbios", f"type=1,manufacturer=QEMU,product=vm,serial={escaped(vm.serial)},uuid={vm.uuid}"),
        *("-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={FIRMWARE}"),
        *("-drive", f"if=pflash,format=raw,unit=1,file={escaped(vm.variables)}"),
        *("-drive", f"if=none,id=disk0,format=raw,discard=unmap,file={escaped(vm.disk)}"),
        *("-device", f"nvme,drive=disk0,serial={escaped(vm.drive_serial)},bootindex={bootindex(vm, _DISK)}"),
        *("-netdev", vm.network.netdev()),
        *("-device", f"virtio-net-pci,netdev=net0,mac={vm.mac},{_network_boot(vm)}"),
        *(vm.switched.arguments() if vm.switched else ()),
        *("-device", "virtio-rng-pci"),
        *("-qmp", f"unix:{escaped(vm.monitor)},server=on,wait=off"),
        *("-chardev", f"socket,id=tty,path={escaped(vm.console)},server=on,wait=off,{_log(vm)}"),
        *("-serial", "chardev:tty"),
        *_cdrom(vm),
        *(("-no-reboot",) if vm.is_off_after_reset else ()),
    ]


def _network_boot(vm: VM) -> str:
    """Return the port's options: bootable only when that is asked for, because trying takes minutes."""
    if _DEVICE_OF.get(vm.boot) == _NETWORK:
        return f"bootindex={bootindex(vm, _NETWORK)}"
    return "romfile="


def _log(vm: VM) -> str:
    return f"logfile={escaped(vm.console_log)},logappend=on"


def _cdrom(vm: VM) -> list[str]:
    if vm.cdrom is None:
        return []
    return [
        *("-drive", f"if=none,id=cd0,media=cdrom,readonly=on,format=raw,file={escaped(vm.cdrom)}"),
        *("-device", f"ide-cd,bus=ide.0,drive=cd0,bootindex={bootindex(vm, _CD)}"),
    ]
