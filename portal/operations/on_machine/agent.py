#!/usr/bin/env python3
"""Answers the portal's few questions to a delivered machine: who it is, what it says of itself, and the hand-over.

cloud-init runs it once as root, and it copies itself to where sshd's forced command finds it. It needs Python alone,
and for the hand-over OpenSSH's client. It takes no argument from who asks; what some questions are given comes as JSON
on its standard input, up to a limit. It says of a tool that is not installed that it is absent.
"""

import base64
import concurrent.futures
import contextlib
import io
import json
import os
import pathlib
import pwd
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import zipfile

INSTALLED = pathlib.Path("/usr/local/lib/metalyard/agent")
HANDED = pathlib.Path("/opt/handover")
SSH_CONFIG = pathlib.Path("/etc/ssh/ssh_config.d/metalyard.conf")
OWNER = ""
"""Whose the kit is, as the seed says: the account that this script answers in later."""
MOST_BYTES = 512 * 1024
"""Of the output of one tool; what is longer is cut and says so."""
PATIENCE_S = 60
TOOLS = {
    "nvidia_smi": ["nvidia-smi", "-q", "-x"],
    "nvidia_topology": ["nvidia-smi", "topo", "-m"],
    "dcgm": ["dcgmi", "diag", "-r", "1", "-j"],
    "ibstat": ["ibstat"],
    "drives": ["lsblk", "--json", "--bytes", "--nodeps", "--output", "NAME,TYPE,SERIAL,MODEL,SIZE"],
    "clock": ["timedatectl", "show", "--property=NTPSynchronized", "--property=Timezone"],
}
ALL_REDUCE = "all_reduce_perf"
ALL_REDUCE_SIZES = ["--minbytes", "1M", "--maxbytes", "4G", "--stepfactor", "4", "--ngpus", "1"]
MOST_PATIENCE_S = 1800
SLOTS = re.compile(r"([A-Za-z0-9][A-Za-z0-9.-]{0,252}) slots=([0-9]{1,3})")
"""A line of the kit's host file."""
MOST_GIVEN = 16 * 1024 * 1024
MOST_UNPACKED = 128 * 1024 * 1024
FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
HOST_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}")
PUBLIC_KEY = re.compile(r"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI[A-Za-z0-9+/]{43}")
OURS = re.compile(r" metalyard-cluster:\S+$")
"""Ends the lines of authorized_keys that a repeated hand-over replaces; all others are the customer's."""
AT_ONCE = 8
"""Logins; few, because sshd lets few be in the middle of theirs (MaxStartups)."""
TRIES, PAUSE_S = 3, 2
CONNECT_S, LOGIN_S, ALL_S = 10, 30, 300


def asked(command: "list[str]", patience_s: float = PATIENCE_S) -> "dict[str, object]":
    """Return what a tool says: ``absent``, or its exit status and its output up to the limit."""
    if shutil.which(command[0]) is None:
        return {"absent": True}
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=patience_s
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return {"failed": type(error).__name__}
    cut = len(done.stdout) > MOST_BYTES
    return {"status": done.returncode, "out": done.stdout[:MOST_BYTES].decode("utf-8", "replace"), "cut": cut}


def collected() -> str:
    """Return everything that the machine says of itself."""
    system = os.uname()
    found = {
        "schema": "metalyard.collected/1",
        "hostname": socket.gethostname(),
        "kernel": system.release,
        "time": time.time(),
        "tools": {name: asked(command) for name, command in TOOLS.items()},
    }
    return json.dumps(found)


def given() -> "dict[str, object]":
    """Return what came on standard input. Raises ValueError when it is too much or no JSON object."""
    data = sys.stdin.buffer.read(MOST_GIVEN + 1)
    if len(data) > MOST_GIVEN:
        raise ValueError("too much was given")
    found = json.loads(data)
    if not isinstance(found, dict):
        raise ValueError("a JSON object is to be given")
    return found


def texts(value: object) -> "list[str]":
    """Return a list of texts that was given. Raises ValueError."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError("a list of texts is to be given")
    return value


def replace(path: pathlib.Path, content: bytes, mode: int) -> None:
    """Put a file in the place of the one at ``path``: whoever reads it reads the old one or the new one."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_bytes(content)
    partial.chmod(mode)
    partial.replace(path)


def secret_folder() -> pathlib.Path:
    """Return the account's folder for SSH."""
    folder = pathlib.Path.home() / ".ssh"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def cluster_key() -> str:
    """Return the public half of the key with which this machine logs in to the others; it is made where missing."""
    key = secret_folder() / "metalyard_cluster"
    if not key.exists():
        partial = key.with_name(f"metalyard_cluster.{os.getpid()}")
        comment = "metalyard-cluster:" + socket.gethostname()
        run = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(partial)]
        subprocess.run(run, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=PATIENCE_S, check=True)
        with contextlib.suppress(FileExistsError):
            os.link(partial, key)  # never in the place of one that is there
        partial.unlink()
        partial.with_name(partial.name + ".pub").unlink()
    tell = ["ssh-keygen", "-y", "-P", "", "-f", str(key)]
    told = subprocess.run(tell, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=PATIENCE_S, check=True)
    return " ".join(told.stdout.decode("ascii", "replace").split()[:2]) + "\n"


def hand_over() -> str:
    """Put the kit where it belongs and let the cluster's keys in. Raises ValueError for what is not to be taken."""
    told = given()
    files = unpacked(base64.b64decode(str(told.get("kit", "")), validate=True))
    lines = [let_in(key) for key in texts(told.get("keys"))]
    for name, content in files.items():
        replace(HANDED / name, content, 0o755 if name.endswith(".sh") else 0o644)
    path = secret_folder() / "authorized_keys"
    before = path.read_text("utf-8", "surrogateescape").split("\n") if path.exists() else []
    kept = [line for line in before if line and not OURS.search(line)]
    replace(path, "".join(line + "\n" for line in kept + lines).encode("utf-8", "surrogateescape"), 0o600)
    return "done\n"


def unpacked(archive: bytes) -> "dict[str, bytes]":
    """Return the kit's files by name. Raises ValueError for what is no kit."""
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as kit:
            entries = {entry.filename.split("/", 1)[-1]: entry for entry in kit.infolist()}
            if not entries or not all(FILE_NAME.fullmatch(name) for name in entries):
                raise ValueError("the kit has no files, or one of a name that is not allowed")
            if sum(entry.file_size for entry in entries.values()) > MOST_UNPACKED:
                raise ValueError("the kit is too large")
            return {name: kit.read(entry) for name, entry in entries.items()}
    except zipfile.BadZipFile as error:
        raise ValueError("the kit is no archive") from error


def let_in(key: str) -> str:
    """Return the line that lets a machine in, from its public key and its name. Raises ValueError."""
    public, _, host = key.rpartition(" ")
    if not PUBLIC_KEY.fullmatch(public) or not HOST_NAME.fullmatch(host):
        raise ValueError("a key is no Ed25519 key with a host name")
    return f"{public} metalyard-cluster:{host}"


def peers() -> str:
    """Return for each machine that was named how logging in to it went: ``ok``, or why it did not."""
    hosts = texts(given().get("hosts"))
    if not all(HOST_NAME.fullmatch(host) for host in hosts):
        raise ValueError("that is no host name")
    until = time.monotonic() + ALL_S
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        waiting = {host: pool.submit(reached, host, until) for host in hosts}
        return json.dumps({"peers": {host: answer.result() for host, answer in waiting.items()}})


def reached(host: str, until: float) -> str:
    """Return ``ok`` when a machine lets this one in without a question, otherwise why it does not.

    After ``until`` of the monotonic clock it is not tried any more.
    """
    options = ["-o", "BatchMode=yes", "-o", f"ConnectTimeout={CONNECT_S}"]
    command = ["ssh", "-F", str(HANDED / "ssh_config"), *options, host, "true"]
    why = "no time was left to try it"
    for attempt in range(TRIES):
        if time.monotonic() >= until:
            break
        time.sleep(PAUSE_S if attempt else 0)
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=LOGIN_S
            )
        except subprocess.TimeoutExpired:
            why = f"no login within {LOGIN_S} s"
            continue
        if done.returncode == 0:
            return "ok"
        why = (done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no reason given"])[-1][:200]
    return why


def all_reduce() -> str:
    """Return what nccl-tests say of an all-reduce over all GPUs of the machines that were named, as of a tool.

    The others of the cluster are left alone: they may be at work.
    """
    told = given()
    hosts, patience_s = texts(told.get("hosts")), told.get("patience_s")
    if type(patience_s) is not int or not 0 < patience_s <= MOST_PATIENCE_S:
        raise ValueError("patience_s is a whole number of seconds")
    known = [SLOTS.fullmatch(line) for line in (HANDED / "hostfile").read_text("ascii").splitlines()]
    slots = {line[1]: int(line[2]) for line in known if line and line[1] in hosts}
    if not slots or set(slots) != set(hosts):
        raise ValueError("a machine is not in the host file")
    if shutil.which("mpirun") is None or shutil.which(ALL_REDUCE) is None:
        return json.dumps({"absent": True})
    with tempfile.NamedTemporaryFile("w", prefix="metalyard-hostfile-") as hostfile:
        hostfile.writelines(f"{host} slots={count}\n" for host, count in slots.items())
        hostfile.flush()
        return json.dumps(asked(mpirun(hostfile.name, sum(slots.values()), patience_s), patience_s + PATIENCE_S))


def mpirun(hostfile: str, ranks: int, patience_s: int) -> "list[str]":
    """Return the command: ``timeout`` asks it to end first, so that it ends its processes on the other machines."""
    login = ["--mca", "plm_rsh_args", f"-F {HANDED}/ssh_config -o BatchMode=yes"]
    settings = ["-x", f"NCCL_CONF_FILE={HANDED}/nccl.conf"]
    start = ["mpirun", "--hostfile", hostfile, "-np", str(ranks), "--bind-to", "none", *login, *settings]
    return ["timeout", "--kill-after=10", str(patience_s), *start, ALL_REDUCE, *ALL_REDUCE_SIZES]


def install() -> None:
    """Copy this script to where sshd finds it, and make room for the kit, which ``ssh`` reads by itself."""
    INSTALLED.parent.mkdir(parents=True, exist_ok=True)
    partial = INSTALLED.with_suffix(".part")
    shutil.copyfile(__file__, partial)
    partial.chmod(0o755)
    partial.replace(INSTALLED)
    SSH_CONFIG.parent.mkdir(parents=True, exist_ok=True)
    replace(SSH_CONFIG, f"Include {HANDED}/ssh_config\n".encode(), 0o644)
    HANDED.mkdir(parents=True, exist_ok=True)
    HANDED.chmod(0o755)
    account = pwd.getpwnam(OWNER)
    os.chown(HANDED, account.pw_uid, account.pw_gid)


ANSWERS = {
    "hostname": lambda: socket.gethostname() + "\n",
    "collect": collected,
    "cluster-key": cluster_key,
    "hand-over": hand_over,
    "peers": peers,
    "all-reduce": all_reduce,
}


def main() -> int:
    """Answer the question of this session, or install what answers; 2 for a question that is not known."""
    question = os.environ.get("SSH_ORIGINAL_COMMAND")
    if question is None and "SSH_CONNECTION" not in os.environ:
        install()
    elif question in ANSWERS:
        try:
            sys.stdout.write(ANSWERS[question]())
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            sys.stderr.write(f"metalyard: {type(error).__name__} {error}\n")
            return 1
    else:
        sys.stderr.write(f"metalyard: ask for {', '.join(ANSWERS)}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
