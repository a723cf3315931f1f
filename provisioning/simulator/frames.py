"""What the emulated switches forward: Ethernet frames, between ports that are in one network and between no others.

A port and the card that is plugged into it are the two ends of one pair of sockets, a datagram is a frame. Such a pair
has no address: no other process can speak on it, and two fleets on a host cannot meet.
"""

import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

Port = tuple[str, str]
"""A switch, and the port as that switch calls it."""
LONGEST, SHORTEST = 9216, 14
"""Bytes of a frame: with jumbo frames as switches have them, and no less than both addresses and a type."""
AGE_S = 300.0
"""How long it is remembered behind which port an address is (IEEE 802.1D, table 7-5)."""
MOST_LEARNED = 1024
_ADDRESS = 6
_GROUP = 1
"""Bit of an address's first byte: it is of several machines (IEEE 802)."""


class Frames:
    """The lines to the machines that are on. A frame passes before a port's move or after it, never meanwhile."""

    def __init__(self, vlans: Mapping[Port, int | None], lock: threading.Lock) -> None:
        """Forward by ``vlans`` as it is at each frame; whoever changes it holds ``lock``."""
        self._vlans = vlans
        self._lock = lock
        self._lines: dict[Port, socket.socket] = {}
        self._learned: dict[tuple[str, int, bytes], tuple[Port, float]] = {}

    @contextmanager
    def plugged(self, port: Port) -> Iterator[socket.socket]:
        """Give the machine's end of a line to ``port``, which is cut when the block ends. Raises OSError.

        Whoever plugs in later takes the place of an earlier one.
        """
        machine, line = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        with machine, line:
            listener = threading.Thread(target=self._listen, args=(port, line), name=f"port {port[1]}", daemon=True)
            with self._lock:
                self._lines[port] = line
            listener.start()
            try:
                yield machine
            finally:
                with self._lock:
                    if self._lines.get(port) is line:
                        del self._lines[port]
                line.shutdown(socket.SHUT_RDWR)
                listener.join()

    def _listen(self, port: Port, line: socket.socket) -> None:
        while True:
            # One byte more than is forwarded: what is too long is cut by that and shows it.
            frame = line.recv(LONGEST + 1)
            with self._lock:
                if self._lines.get(port) is not line:
                    return
                self._forward(port, frame)

    def _forward(self, port: Port, frame: bytes) -> None:
        vlan = self._vlans.get(port)
        if vlan is None or not SHORTEST <= len(frame) <= LONGEST:
            return
        now = time.monotonic()
        target, source = frame[:_ADDRESS], frame[_ADDRESS : 2 * _ADDRESS]
        if not source[0] & _GROUP:
            self._learn((port[0], vlan, source), port, now)
        for other in self._behind((port[0], vlan, target), now):
            if other != port:
                _send(self._lines[other], frame)

    def _learn(self, address: tuple[str, int, bytes], port: Port, now: float) -> None:
        """Remember where an address of a network was seen; a machine that makes up too many has them all forgotten."""
        if address not in self._learned and len(self._learned) >= MOST_LEARNED:
            self._learned.clear()
        self._learned[address] = port, now

    def _behind(self, address: tuple[str, int, bytes], now: float) -> list[Port]:
        """Return the port behind which an address of a network is; all of the network where that is unknown."""
        switch, vlan, _ = address
        members = [port for port in self._lines if port[0] == switch and self._vlans.get(port) == vlan]
        port, seen_at = self._learned.get(address, (None, 0.0))
        # A port that was moved is no member any more, whatever was learned.
        return [port] if port in members and now - seen_at < AGE_S else members


def _send(line: socket.socket, frame: bytes) -> None:
    """Send a frame, or lose it as networks do: the machine does not read, or is going off."""
    try:
        line.send(frame, socket.MSG_DONTWAIT)
    except OSError:
        return
