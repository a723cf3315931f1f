#!/usr/bin/env python3
"""Answers the portal's few questions to a delivered machine: ``hostname`` and ``collect``.

cloud-init runs it once as root, and it copies itself to where sshd's forced command finds it. It needs Python alone,
takes no argument from who asks, and says of a tool that is not installed that it is absent.
"""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time

INSTALLED = pathlib.Path("/usr/local/lib/metalyard/agent")
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


def asked(command: "list[str]") -> "dict[str, object]":
    """Return what a tool says: ``absent``, or its exit status and its output up to the limit."""
    if shutil.which(command[0]) is None:
        return {"absent": True}
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=PATIENCE_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return {"failed": type(error).__name__}
    cut = len(done.stdout) > MOST_BYTES
    return {"status": done.returncode, "out": done.stdout[:MOST_BYTES].decode("utf-8", "replace"), "cut": cut}


def collected() -> "dict[str, object]":
    """Return everything that the machine says of itself."""
    system = os.uname()
    return {
        "schema": "metalyard.collected/1",
        "hostname": socket.gethostname(),
        "kernel": system.release,
        "time": time.time(),
        "tools": {name: asked(command) for name, command in TOOLS.items()},
    }


def install() -> None:
    """Copy this script to where sshd finds it."""
    INSTALLED.parent.mkdir(parents=True, exist_ok=True)
    partial = INSTALLED.with_suffix(".part")
    shutil.copyfile(__file__, partial)
    partial.chmod(0o755)
    partial.replace(INSTALLED)


def main() -> int:
    """Answer the question of this session, or install what answers; 2 for a question that is not known."""
    question = os.environ.get("SSH_ORIGINAL_COMMAND")
    if question is None and "SSH_CONNECTION" not in os.environ:
        install()
    elif question == "hostname":
        sys.stdout.write(socket.gethostname() + "\n")
    elif question == "collect":
        json.dump(collected(), sys.stdout)
    else:
        sys.stderr.write("metalyard: ask for hostname or collect\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
