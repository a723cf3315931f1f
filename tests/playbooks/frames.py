"""Raw frames in a network namespace: `ip netns exec NAME python frames.py listen|send eth0 ...`, as root.

`listen IF` prints one line of JSON for each frame on the interface, sent or received, until its input ends.
`send IF` reads lines of JSON from its input, `{"kind", "from": address, "to": [address...], "id"}`, and sends them.
"""

from __future__ import annotations

import json
import select
import socket
import struct
import sys

EVERYBODY = b"\xff" * 6
ALL_NODES = bytes.fromhex("333300000001")
MARK = b"metalyard-frame-"
ARP, IPV4, IPV6 = 0x0806, 0x0800, 0x86DD
NO_IP = 0x88B5
"""For local experiments (IEEE 802, clause 9): a protocol that no stack answers."""


def listen(interface: str) -> None:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as wire:
        wire.bind((interface, 0))
        say({"listening": interface})
        while True:
            ready, _, _ = select.select([wire, sys.stdin], [], [])
            if wire in ready:
                frame = wire.recv(65535)
                _, _, rest = frame.partition(MARK)
                found = {"from": frame[6:12].hex(":"), "type": int.from_bytes(frame[12:14], "big")}
                say(found | ({"id": rest[:8].decode("ascii", "replace").strip()} if rest else {}))
            elif not sys.stdin.read(1):
                return


def say(found: dict) -> None:
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()


def frames(own: bytes, order: dict) -> list[bytes]:
    """The frames of one order: to each address and to everybody, by the kind's protocol."""
    payload = MARK + order["id"].ljust(8).encode()
    macs = [bytes.fromhex(mac.replace(":", "")) for mac in order["macs"]]
    build = {"arp": _arp, "ipv4": _ipv4, "ipv6": _ipv6, "mark": _mark}[order["kind"]]
    return build(own, macs, order, payload)


def _mark(own, _macs, _order, payload):
    return [EVERYBODY + own + struct.pack("!H", NO_IP) + payload]


def _arp(own, macs, order, payload):
    """RFC 826: who has each address, asked of everybody and of each card."""
    found = []
    for to in order["to"]:
        body = struct.pack("!HHBBH", 1, IPV4, 6, 4, 1) + own + socket.inet_aton(order["from"])
        body += bytes(6) + socket.inet_aton(to)
        found += [mac + own + struct.pack("!H", ARP) + body + payload for mac in (EVERYBODY, *macs)]
    return found


def _ipv4(own, macs, order, payload):
    """RFC 791 with UDP: to each address and to all, sent to each card and to everybody."""
    found = []
    for to in (*order["to"], "255.255.255.255"):
        udp = struct.pack("!HHHH", 9, 9, 8 + len(payload), 0) + payload
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0)
        ends = socket.inet_aton(order["from"]) + socket.inet_aton(to)
        head = head[:10] + struct.pack("!H", _checksum(head + ends)) + ends
        found += [mac + own + struct.pack("!H", IPV4) + head + udp for mac in (EVERYBODY, *macs)]
    return found


def _ipv6(own, macs, order, payload):
    """RFC 8200 with no next header: from the link-local address to each other and to all nodes."""
    found = []
    for to in (*order["to6"], "ff02::1"):
        head = struct.pack("!IHBB", 6 << 28, len(payload), 59, 255)
        ends = socket.inet_pton(socket.AF_INET6, order["from6"]) + socket.inet_pton(socket.AF_INET6, to)
        found += [mac + own + struct.pack("!H", IPV6) + head + ends + payload for mac in (ALL_NODES, *macs)]
    return found


def _checksum(head: bytes) -> int:
    """RFC 1071."""
    total = sum(struct.unpack(f"!{len(head) // 2}H", head))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def send(interface: str) -> None:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
        wire.bind((interface, 0))
        own = wire.getsockname()[4]
        for line in sys.stdin:
            for frame in frames(own, json.loads(line)):
                wire.send(frame)


if __name__ == "__main__":
    {"listen": listen, "send": send}[sys.argv[1]](sys.argv[2])
