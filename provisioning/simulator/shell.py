"""What a handed-over machine answers to commands: a table. Nothing is ever executed."""

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from provisioning.simulator.faults import Fault
from provisioning.simulator.fleet import Spec

LONGEST_LINE = 4096


@dataclass(frozen=True)
class Host:
    """A booted machine as its user sees it."""

    spec: Spec
    hostname: str
    user: str
    system: str
    user_data: str
    wrong: Callable[[Fault], bool] = lambda _fault: False
    reaches: Callable[[Spec], bool] = lambda _other: True
    """Tells whether the network leads to another machine now."""
    files: Callable[[], Mapping[str, str]] = dict
    """What was handed over to the machine, by path."""

    @property
    def uid(self) -> int:
        """The user's number."""
        return 0 if self.user == "root" else 1000

    @property
    def gpu_count(self) -> int:
        """GPUs that can be seen."""
        return self.spec.gpu_count - self.wrong(Fault.GPU_MISSING)


@dataclass(frozen=True)
class Answer:
    """What a command prints and its exit status."""

    out: str = ""
    err: str = ""
    status: int = 0


def _gpu_table(host: Host) -> str:
    line = "+-----------------------------------------------------------------------+\n"
    rows = "".join(f"| {n}  {host.spec.gpu_model:<40} 0MiB   0% Default |\n" for n in range(host.gpu_count))
    return f"{line}| NVIDIA-SMI (emulated)                                                 |\n{line}{rows}{line}"


def _cat(host: Host, args: list[str]) -> Answer:
    files = {
        "/etc/hostname": f"{host.hostname}\n",
        "/etc/os-release": f'PRETTY_NAME="{host.system}"\n',
        "/var/lib/cloud/instance/user-data.txt": host.user_data,
        **host.files(),
    }
    if missing := [name for name in args if name not in files]:
        return Answer(err=f"cat: {missing[0]}: No such file or directory\n", status=1)
    return Answer("".join(files[name] for name in args))


def _ls(host: Host, args: list[str]) -> Answer:
    folder = args[0].rstrip("/") if len(args) == 1 else ""
    found = sorted(path.rpartition("/")[2] for path in host.files() if path.rpartition("/")[0] == folder)
    if not found:
        return Answer(err=f"ls: cannot access '{' '.join(args)}': No such file or directory\n", status=2)
    return Answer("".join(f"{name}\n" for name in found))


def _nvidia_smi(host: Host, args: list[str]) -> Answer:
    if args == ["-L"]:
        return Answer("".join(f"GPU {n}: {host.spec.gpu_model}\n" for n in range(host.gpu_count)))
    return Answer(_gpu_table(host))


COMMANDS: dict[str, Callable[[Host, list[str]], Answer]] = {
    "cat": _cat,
    "echo": lambda _host, args: Answer(" ".join(args) + "\n"),
    "exit": lambda _host, _args: Answer(),
    "false": lambda _host, _args: Answer(status=1),
    "free": lambda host, _args: Answer(f"               total\nMem: {host.spec.memory_gb:>15}\n"),
    "hostname": lambda host, _args: Answer(f"{host.hostname}\n"),
    "id": lambda host, _args: Answer(f"uid={host.uid}({host.user}) gid={host.uid}({host.user})\n"),
    "ls": _ls,
    "lsblk": lambda host, _args: Answer(
        f"NAME    SIZE SERIAL\nnvme0n1 {host.spec.disk_bytes} {host.spec.drive_serial}\n"
    ),
    "nproc": lambda _host, _args: Answer("112\n"),
    "nvidia-smi": _nvidia_smi,
    "pwd": lambda host, _args: Answer("/root\n" if host.uid == 0 else f"/home/{host.user}\n"),
    "true": lambda _host, _args: Answer(),
    "uname": lambda host, _args: Answer(f"Linux {host.hostname} 6.8.0-emulated x86_64 GNU/Linux\n"),
    "uptime": lambda _host, _args: Answer(" up 1 min,  1 user,  load average: 0.00, 0.00, 0.00\n"),
    "whoami": lambda host, _args: Answer(f"{host.user}\n"),
}


def answer(host: Host, line: str) -> Answer:
    """Answer one command line."""
    if len(line) > LONGEST_LINE:
        return Answer(err="bash: the line is too long (emulated server)\n", status=2)
    try:
        words = shlex.split(line)
    except ValueError as error:
        return Answer(err=f"bash: {error}\n", status=2)
    if not words:
        return Answer()
    command = COMMANDS.get(words[0])
    if command is None:
        return Answer(err=f"bash: {words[0]}: command not found (emulated server: it knows {known()})\n", status=127)
    return command(host, words[1:])


def known() -> str:
    """List the commands."""
    return ", ".join(sorted(COMMANDS))


def welcome(host: Host, header: dict[str, Any]) -> str:
    """Return what an interactive login is greeted with."""
    return f"{header.get('os', 'Linux')} on {host.hostname} (emulated {host.spec.model})\n"
