"""Asking a running QEMU for something, over its monitor (QMP; see QEMU's docs/interop/qmp-spec.rst)."""

import json
import os
import socket
from pathlib import Path

LIMIT_S = 5.0
LONGEST_ANSWER = 64 * 1024


def connect(path: Path) -> socket.socket:
    """Return a connection to a Unix socket however long its path is. Raises OSError."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        line.settimeout(LIMIT_S)
        # sun_path has 108 bytes, and folders of state may lie deep.
        line.connect(f"/proc/self/fd/{folder}/{path.name}")
    except OSError:
        line.close()
        raise
    finally:
        os.close(folder)
    return line


def ask(path: Path, command: str) -> None:
    """Run a command that takes no arguments. Raises OSError when the monitor does not answer or refuses."""
    with connect(path) as line, line.makefile("rb") as answers:
        for execute in ("qmp_capabilities", command):
            line.sendall(json.dumps({"execute": execute}).encode() + b"\n")
            while True:
                text = answers.readline(LONGEST_ANSWER)
                if not text:
                    raise OSError(f"{path.name}: the monitor hung up at {execute}")
                answer = json.loads(text)
                if "return" in answer:
                    break
                if "error" in answer:
                    raise OSError(f"{path.name}: {execute}: {answer['error'].get('desc')}")
