"""Carry one connection of a virtual machine to the portal: standard input and output at one end, TCP at the other.

QEMU starts it for each connection to the one address that the machine reaches: ``python -I -S passage.py HOST PORT``.
It imports nothing of ours and hardly anything else, for a boot makes dozens of connections.
"""

import os
import select
import socket
import sys

CHUNK = 1 << 18


def carry(line: socket.socket, *, inward: int, outward: int) -> None:
    """Copy both ways until the portal has said all; when the machine has, the portal is told so."""
    sources = [inward, line.fileno()]
    while line.fileno() in sources:
        for ready in select.select(sources, [], [])[0]:
            data = os.read(ready, CHUNK)
            if not data:
                sources.remove(ready)
                if ready == inward:
                    line.shutdown(socket.SHUT_WR)
            elif ready == inward:
                line.sendall(data)
            else:
                while data:
                    data = data[os.write(outward, data) :]


def main(host: str, port: str) -> int:
    """Connect and carry; 1 when the portal cannot be reached or either end breaks off."""
    try:
        with socket.create_connection((host, int(port)), timeout=30) as line:
            line.settimeout(None)
            carry(line, inward=0, outward=1)
    except OSError:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
